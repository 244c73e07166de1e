import { BinaryWriter } from '../binary/binary-writer.ts';

/** A memory as its growth function sees it. */
export interface GrowingMemory {
  readonly is64: boolean;
  readonly pageSizeLog2: number;
  /** In pages: growth beyond it fails by the module's own will and is no sign of a limit. */
  readonly ownMaximum: bigint;
}

const valueType = { i32: 0x7f, i64: 0x7e } as const;
const op = {
  if: 0x04, end: 0x0b, localGet: 0x20, localSet: 0x21, globalGet: 0x23, globalSet: 0x24, memorySize: 0x3f, memoryGrow: 0x40, i32Const: 0x41,
  i64Const: 0x42, i32Eq: 0x46, i64Eq: 0x51, i64LeU: 0x58, i64GeS: 0x59, i32Add: 0x6a, i32And: 0x71, i64Sub: 0x7d, i64Shl: 0x86, i64ShrU: 0x88,
  i64ExtendI32U: 0xad,
} as const;
const emptyBlock = 0x40;

/** The type of a growth function: pages in, former size or -1 out. */
export function growthFunctionType(is64: boolean): readonly number[] {
  const type = is64 ? valueType.i64 : valueType.i32;
  return [0x60, 1, type, 1, type];
}

/**
 * The body of the function that grows memory `index` in place of the instruction. When the memory could not grow although
 * the module itself allows the new size, it adds one to global `counter`. With `sumLimit` (bytes) it grows nothing that
 * would bring all memories together above it.
 */
export function growthFunctionBody(memories: readonly GrowingMemory[], index: number, counter: number, sumLimit?: bigint): Uint8Array {
  const memory = memories[index]!;
  const type = memory.is64 ? valueType.i64 : valueType.i32;
  const [delta, result, spare] = [0, 1, 2];
  const code = new BinaryWriter(128);
  const widened = (is64: boolean): void => void (is64 || code.u8(op.i64ExtendI32U));
  const pages = (of: number): void => {
    code.u8(op.memorySize).u32(of);
    widened(memories[of]!.is64);
  };
  const deltaPages = (): void => {
    code.u8(op.localGet, delta);
    widened(memory.is64);
  };
  const minusOne = (): void => void code.u8(memory.is64 ? op.i64Const : op.i32Const, 0x7f);
  const grow = (): void => void code.u8(op.localGet, delta, op.memoryGrow).u32(index).u8(op.localSet, result);

  code.u8(2, 1, type, 1, valueType.i64);
  minusOne();
  code.u8(op.localSet, result);
  if (sumLimit === undefined) grow();
  else {
    code.u8(op.i64Const).s64(sumLimit);
    memories.forEach(({ pageSizeLog2 }, of) => {
      pages(of);
      code.u8(op.i64Const, pageSizeLog2, op.i64Shl, op.i64Sub);
    });
    code.u8(op.localSet, spare, op.localGet, spare, op.i64Const, 0, op.i64GeS);
    deltaPages();
    code.u8(op.localGet, spare, op.i64Const, memory.pageSizeLog2, op.i64ShrU, op.i64LeU, op.i32And, op.if, emptyBlock);
    grow();
    code.u8(op.end);
  }
  code.u8(op.localGet, result);
  minusOne();
  code.u8(memory.is64 ? op.i64Eq : op.i32Eq, op.if, emptyBlock);
  deltaPages();
  code.u8(op.i64Const).s64(memory.ownMaximum);
  pages(index);
  code.u8(op.i64Sub, op.i64LeU, op.if, emptyBlock);
  code.u8(op.globalGet).u32(counter).u8(op.i32Const, 1, op.i32Add, op.globalSet).u32(counter);
  code.u8(op.end, op.end, op.localGet, result, op.end);
  return code.written;
}
