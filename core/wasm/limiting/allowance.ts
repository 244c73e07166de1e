import { WasmletError } from '../../api/errors.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { limitsFlag, pageBytes } from '../binary/limits.ts';
import type { Limits } from '../binary/limits.ts';
import type { Sized } from './module-outline.ts';

/** Limits with another maximum. */
export function encodeLimits(limits: Limits, maximum: bigint): Uint8Array {
  const { pageSizeLog2 } = limits;
  const flags = limitsFlag.maximum | (limits.shared ? limitsFlag.shared : 0) | (limits.is64 ? limitsFlag.is64 : 0)
    | (pageSizeLog2 === undefined ? 0 : limitsFlag.pageSize);
  const writer = new BinaryWriter(24).u8(flags).u64(limits.minimum).u64(maximum);
  return pageSizeLog2 === undefined ? writer.written : writer.u32(pageSizeLog2).written;
}

/** How far a memory may grow, in its own pages. */
export interface Allowance {
  readonly maximum: bigint;
  /** What the module itself would have allowed. */
  readonly ownMaximum: bigint;
}

function ownMaximum(limits: Limits): bigint {
  return limits.maximum ?? (limits.is64 ? 1n << 64n : 1n << 32n) / pageBytes(limits);
}

const smaller = (left: bigint, right: bigint): bigint => (left < right ? left : right);
const minimumBytes = (limits: Limits): bigint => limits.minimum * pageBytes(limits);

/**
 * Shares out `limit` bytes among a module's memories. An imported memory is bounded by the limit itself, so that it
 * still matches what another module of the component defines. A defined one gets what the minima of the others leave;
 * `sumWatched`: the sum is
 * checked at every growth; else what is left is divided, so that no check is needed.
 * @throws WasmletError `MEMORY_OVER_LIMIT` when the minima alone are over the limit.
 */
export function allowMemories(memories: readonly Sized[], limit: bigint, sumWatched: boolean): readonly Allowance[] {
  const needed = memories.reduce((sum, { limits }) => sum + minimumBytes(limits), 0n);
  if (needed > limit) {
    throw new WasmletError('MEMORY_OVER_LIMIT', `the module needs at least ${needed} bytes of memory, its limit is ${limit} bytes`);
  }
  const spare = limit - needed;
  const share = sumWatched || memories.length === 0 ? spare : spare / BigInt(memories.length);
  return memories.map(({ limits, imported }) => {
    const bytes = imported ? limit : minimumBytes(limits) + share;
    return { maximum: smaller(ownMaximum(limits), bytes / pageBytes(limits)), ownMaximum: ownMaximum(limits) };
  });
}

/**
 * How long each of a module's tables may become: `limit` elements at most, and where there are several no more than its share of
 * `together` or what it begins with.
 * @throws WasmletError `MEMORY_OVER_LIMIT` when one of them, or all together, are larger from the start.
 */
export function allowTables(tables: readonly Sized[], limit: bigint, together: bigint): readonly bigint[] {
  const needed = tables.reduce((sum, { limits }) => sum + limits.minimum, 0n);
  if (needed > together) throw new WasmletError('MEMORY_OVER_LIMIT', `the module needs tables of at least ${needed} elements together, ${together} are the most`);
  return tables.map(({ limits }) => {
    if (limits.minimum > limit) {
      throw new WasmletError('MEMORY_OVER_LIMIT', `the module needs a table of at least ${limits.minimum} elements, the limit is ${limit}`);
    }
    const share = together / BigInt(tables.length);
    const most = smaller(limit, share > limits.minimum ? share : limits.minimum);
    return smaller(limits.maximum ?? most, most);
  });
}
