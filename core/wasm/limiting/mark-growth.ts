import { malformed } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import type { Allowance } from './allowance.ts';
import { growthFunctionBody } from './growth.ts';
import type { GrowingMemory } from './growth.ts';
import type { ModuleOutline } from './module-outline.ts';

/** The exported `(mut i32)` that counts growth refused at the limit. No module may bring its own. */
export const growRefusedExport = 'wasmlet:grow-refused';

/** A function that grows one memory in place of the instruction. */
export interface GrowthFunction {
  readonly memory: number;
  readonly is64: boolean;
  readonly body: Uint8Array;
}

/**
 * The functions that count refused growth in the global behind the module's own; none when no memory can meet its limit.
 * `sumLimit` (bytes) also holds all memories together below it.
 */
export function growthFunctions(outline: ModuleOutline, allowances: readonly Allowance[], sumLimit: bigint | undefined): readonly GrowthFunction[] {
  const memories = outline.memories.map(({ limits }, index): GrowingMemory => ({
    is64: limits.is64, pageSizeLog2: limits.pageSizeLog2 ?? 16, ownMaximum: allowances[index]!.ownMaximum,
  }));
  return memories.flatMap(({ is64, ownMaximum }, memory) => (sumLimit === undefined && allowances[memory]!.maximum >= ownMaximum
    ? []
    : [{ memory, is64, body: growthFunctionBody(memories, memory, outline.globals, sumLimit) }]));
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
