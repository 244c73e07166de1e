import { functionType } from '../assembly/appended-function.ts';
import type { AppendedFunction } from '../assembly/appended-function.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { miscellaneousOpcode } from '../binary/instructions.ts';
import type { Allowance } from './allowance.ts';
import type { Sized } from './module-outline.ts';

const [i32, i64] = [0x7f, 0x7e];
const op = {
  if: 0x04, end: 0x0b, localGet: 0x20, localSet: 0x21, globalGet: 0x23, globalSet: 0x24, memorySize: 0x3f, memoryGrow: 0x40, i32Const: 0x41, i64Const: 0x42, i32Eq: 0x46,
  i64Eq: 0x51, i64LeU: 0x58, i32Add: 0x6a, i64Sub: 0x7d, i64ExtendI32U: 0xad, miscellaneous: 0xfc,
} as const;
const emptyBlock = 0x40;
/** Behind `op.miscellaneous`. */
const tableSize = 16;

/** What V8 takes for a table's element, roughly, in bytes. */
export const tableElementBytes = 16;
const log2TableElementBytes = 4;

/** A memory or table that a function grows in place of the instruction. */
export interface GrowthTarget {
  readonly is64: boolean;
  /** In pages or elements: growth beyond it fails by the module's own will and is no sign of a limit. */
  readonly ownMaximum: bigint;
  /** Of one page or element. */
  readonly log2Bytes: number;
  /** The type of what comes in front of the length: a table's new elements. */
  readonly element?: Uint8Array;
  readonly sizeInstruction: Uint8Array;
  readonly growInstruction: Uint8Array;
}

export function memoryTarget({ limits: { is64, pageSizeLog2 = 16 } }: Sized, index: number, { ownMaximum }: Allowance): GrowthTarget {
  return {
    is64, ownMaximum, log2Bytes: pageSizeLog2,
    sizeInstruction: new BinaryWriter(8).u8(op.memorySize).u32(index).written,
    growInstruction: new BinaryWriter(8).u8(op.memoryGrow).u32(index).written,
  };
}

/** @param maximum in elements; absent: the table's own */
export function tableTarget({ limits, elementType }: Sized, index: number, maximum: bigint = limits.maximum ?? 2n ** 32n - 1n): GrowthTarget {
  return {
    is64: limits.is64, ownMaximum: maximum, log2Bytes: log2TableElementBytes, element: elementType!,
    sizeInstruction: new BinaryWriter(8).u8(op.miscellaneous, tableSize).u32(index).written,
    growInstruction: new BinaryWriter(8).u8(op.miscellaneous, miscellaneousOpcode.tableGrow).u32(index).written,
  };
}

/** Pushes the target's size as an i64. */
export function pushSize(code: BinaryWriter, { is64, sizeInstruction }: GrowthTarget): void {
  code.raw(sizeInstruction);
  if (!is64) code.u8(op.i64ExtendI32U);
}

/** Writes code that pushes 1 when the target may grow, else 0. `pushDelta` pushes the length as an i64; `spare` is an i64 local. */
export type Permission = (code: BinaryWriter, pushDelta: () => void, spare: number) => void;

/**
 * The function that stands for the instruction: (elements and) length in, former size or -1 out. When the target did not grow although
 * the module itself allows the new size, it adds one to global `counter`. Without `permission` only the maximum refuses.
 */
export function growthFunction(target: GrowthTarget, counter: number, permission?: Permission): AppendedFunction {
  const { is64, element, ownMaximum, growInstruction } = target;
  const size = is64 ? i64 : i32;
  const parameters = element === undefined ? [size] : [element, size];
  const [delta, result, spare] = [parameters.length - 1, parameters.length, parameters.length + 1];
  const code = new BinaryWriter(128);
  const pushDelta = (): void => {
    code.u8(op.localGet, delta);
    if (!is64) code.u8(op.i64ExtendI32U);
  };
  const pushMinusOne = (): void => void code.u8(is64 ? op.i64Const : op.i32Const, 0x7f);

  code.u8(2, 1, size, 1, i64);
  pushMinusOne();
  code.u8(op.localSet, result);
  if (permission !== undefined) {
    permission(code, pushDelta, spare);
    code.u8(op.if, emptyBlock);
  }
  for (let operand = 0; operand < parameters.length; operand++) code.u8(op.localGet, operand);
  code.raw(growInstruction).u8(op.localSet, result);
  if (permission !== undefined) code.u8(op.end);
  code.u8(op.localGet, result);
  pushMinusOne();
  code.u8(is64 ? op.i64Eq : op.i32Eq, op.if, emptyBlock);
  pushDelta();
  code.u8(op.i64Const).s64(ownMaximum);
  pushSize(code, target);
  code.u8(op.i64Sub, op.i64LeU, op.if, emptyBlock);
  code.u8(op.globalGet).u32(counter).u8(op.i32Const, 1, op.i32Add, op.globalSet).u32(counter);
  code.u8(op.end, op.end, op.localGet, result, op.end);
  return { type: functionType(parameters, [size]), body: code.written };
}
