import type { BinaryReader } from './binary-reader.ts';
import { malformed } from './binary-reader.ts';

/** Bits of the byte in front of a memory's or table's limits (core spec 3.0, §5.3.12; threads and custom page sizes proposals). */
export const limitsFlag = { maximum: 1, shared: 2, is64: 4, pageSize: 8 } as const;

/** The size of a memory in pages, or of a table in elements. */
export interface Limits {
  readonly minimum: bigint;
  readonly maximum?: bigint;
  readonly shared: boolean;
  readonly is64: boolean;
  /** log2 of a page's bytes, when the memory declares it; 16 otherwise. */
  readonly pageSizeLog2?: number;
}

/** The largest a memory may be; V8 allows less for memory64. */
function addressableBytes(limits: Limits): bigint {
  return limits.is64 ? 1n << 64n : 1n << 32n;
}

export function pageBytes(limits: Limits): bigint {
  return 1n << BigInt(limits.pageSizeLog2 ?? 16);
}

/** Reads limits; `what` names the memory or table in errors. */
export function readLimits(reader: BinaryReader, what: 'memory' | 'table'): Limits {
  const at = reader.offset;
  const flags = reader.u8(`${what} limits`);
  const known = what === 'memory' ? 15 : 5;
  if ((flags & ~known) !== 0) throw malformed(`${what} limits have unknown flags 0x${flags.toString(16)}`, at);
  const shared = (flags & limitsFlag.shared) !== 0;
  const is64 = (flags & limitsFlag.is64) !== 0;
  const hasMaximum = (flags & limitsFlag.maximum) !== 0;
  const size = (): bigint => (is64 ? reader.u64(`${what} limits`) : BigInt(reader.u32(`${what} limits`)));
  const minimum = size();
  const maximum = hasMaximum ? size() : undefined;
  const pageSizeLog2 = (flags & limitsFlag.pageSize) === 0 ? undefined : reader.u32('a page size');
  if (pageSizeLog2 !== undefined && pageSizeLog2 !== 0 && pageSizeLog2 !== 16) throw malformed(`page size 2^${pageSizeLog2} is neither 1 nor 65536`, at);
  if (shared && maximum === undefined) throw malformed('a shared memory has no maximum', at);
  if (maximum !== undefined && minimum > maximum) throw malformed(`${what} minimum ${minimum} is over its maximum ${maximum}`, at);
  const limits: Limits = {
    minimum, shared, is64,
    ...(maximum === undefined ? {} : { maximum }),
    ...(pageSizeLog2 === undefined ? {} : { pageSizeLog2 }),
  };
  if (what === 'memory' && (maximum ?? minimum) * pageBytes(limits) > addressableBytes(limits)) {
    throw malformed(`memory of ${maximum ?? minimum} pages is larger than its addresses reach`, at);
  }
  return limits;
}
