import { malformed } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { sectionId } from '../binary/sections.ts';
import type { Allowance } from './allowance.ts';
import { growthFunction, memoryTarget, pushSize } from './growth.ts';
import type { GrowthTarget, Permission } from './growth.ts';
import type { GrowthWatch } from './growth-watch.ts';
import { unwatched } from './growth-watch.ts';
import type { ModuleOutline } from './module-outline.ts';

const op = { localGet: 0x20, localSet: 0x21, i64Const: 0x42, i64LeU: 0x58, i64GeS: 0x59, i32And: 0x71, i64Sub: 0x7d, i64Shl: 0x86, i64ShrU: 0x88 } as const;

/** The exported `(mut i32)` that counts growth refused at the limit. No module may bring its own. */
export const growRefusedExport = 'wasmlet:grow-refused';

/**
 * Counts refused growth in the global behind the module's own; nothing when no memory can meet its limit. `sumLimit` (bytes) also
 * holds all memories together below it.
 */
export function markGrowth(outline: ModuleOutline, allowances: readonly Allowance[], sumLimit: bigint | undefined): GrowthWatch {
  const targets = outline.memories.map((memory, index) => memoryTarget(memory, index, allowances[index]!));
  const watched = [...targets.keys()].filter((memory) => sumLimit !== undefined || allowances[memory]!.maximum < targets[memory]!.ownMaximum);
  if (watched.length === 0) return unwatched;
  return {
    always: false,
    functions: () => watched.map((memory) => growthFunction(targets[memory]!, outline.globals, sumLimit === undefined ? undefined : sumBelow(sumLimit, targets, targets[memory]!))),
    memories: new Map(watched.map((memory, nth) => [memory, nth])),
    tables: new Map(),
    additions: new Map([
      [sectionId.global, { items: 1, bytes: zeroGlobal }],
      [sectionId.export, { items: 1, bytes: growRefusedEntry(outline) }],
    ]),
  };
}

/** Permits what leaves all memories together at `limit` bytes or below. */
function sumBelow(limit: bigint, memories: readonly GrowthTarget[], growing: GrowthTarget): Permission {
  return (code, pushDelta, spare) => {
    code.u8(op.i64Const).s64(limit);
    for (const memory of memories) {
      pushSize(code, memory);
      code.u8(op.i64Const, memory.log2Bytes, op.i64Shl, op.i64Sub);
    }
    code.u8(op.localSet, spare, op.localGet, spare, op.i64Const, 0, op.i64GeS);
    pushDelta();
    code.u8(op.localGet, spare, op.i64Const, growing.log2Bytes, op.i64ShrU, op.i64LeU, op.i32And);
  };
}

/** @throws WasmletError `MODULE_MALFORMED` when the module has the export by which the count is read */
export function refuseGrowRefusedExport(outline: ModuleOutline): void {
  if (outline.exportNames.has(growRefusedExport)) throw malformed(`the export name ${growRefusedExport} is reserved`, 0);
}

/** `(global (mut i32) (i32.const 0))`; the first one behind the module's own counts refused growth. */
export const zeroGlobal = Uint8Array.of(0x7f, 1, 0x41, 0, 0x0b);

/** The export section's entry for it. */
export function growRefusedEntry(outline: ModuleOutline): Uint8Array {
  return new BinaryWriter().name(growRefusedExport).u8(3).u32(outline.globals).written;
}
