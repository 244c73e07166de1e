import { functionType } from '../assembly/appended-function.ts';
import type { AppendedFunction } from '../assembly/appended-function.ts';
import { BinaryReader } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { miscellaneousOpcode, opcode } from '../binary/instructions.ts';
import type { Sized } from '../limiting/module-outline.ts';
import { bulkPieceBytes } from './work.ts';

const i32 = 0x7f;
const i64 = 0x7e;
const op = {
  loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, return: 0x0f, localGet: 0x20, localSet: 0x21, memorySize: 0x3f, i64Const: 0x42,
  i32GtU: 0x4b, i64GtU: 0x56, i32Add: 0x6a, i32Sub: 0x6b, i64Add: 0x7c, i64Sub: 0x7d, i64Shl: 0x86, i32Or: 0x72, i64ExtendI32U: 0xad,
} as const;
const emptyBlock = 0x40;

/** The three operands: where to, what or where from, how much. */
const [to, from, length] = [0, 1, 2];

/**
 * The functions that stand for `memory.fill`, `memory.copy` and `memory.init`: the same in pieces, with a check before each.
 * One that is out of bounds traps before it writes, as the instruction does (core spec 3.0, §4.6.10): the instruction itself is
 * then executed as it stands.
 */
export class BulkFunctions {
  readonly #memories: readonly Sized[];
  readonly #dataSegments: readonly number[];
  readonly #check: Uint8Array;
  readonly #first: number;
  readonly #byKey = new Map<string, number>();
  readonly appended: AppendedFunction[] = [];

  /** @param first index of the first such function */
  constructor(memories: readonly Sized[], dataSegments: readonly number[], check: Uint8Array, first: number) {
    this.#memories = memories;
    this.#dataSegments = dataSegments;
    this.#check = check;
    this.#first = first;
  }

  /** The index of the function for the instruction whose immediates stand at `at`; undefined for one that is always short. */
  functionFor(code: number, bytes: Uint8Array, at: number): number | undefined {
    const immediates = new BinaryReader(bytes, at);
    const segment = code === miscellaneousOpcode.memoryInit ? immediates.u32('a data segment') : undefined;
    const memory = immediates.u32('a memory index');
    if (segment !== undefined && this.#dataSegments[segment]! <= bulkPieceBytes) return undefined;
    const key = [code, memory, segment].join();
    let index = this.#byKey.get(key);
    if (index === undefined) {
      index = this.#first + this.appended.length;
      this.#byKey.set(key, index);
      this.appended.push(this.#functionOf(code, memory, segment));
    }
    return index;
  }

  #functionOf(code: number, memory: number, segment: number | undefined): AppendedFunction {
    const { limits } = this.#memories[memory]!;
    const address = limits.is64 ? i64 : i32;
    const source = code === miscellaneousOpcode.memoryCopy ? address : i32;
    const size = segment === undefined ? address : i32;
    const write = new BinaryWriter(256);
    const get = (local: number, type: number, wide: boolean): void => {
      write.u8(op.localGet, local);
      if (wide && type === i32) write.u8(op.i64ExtendI32U);
    };
    const constant = (type: number, value: number): void => void write.u8(type === i64 ? op.i64Const : opcode.i32Const).s64(BigInt(value));
    const operate = (local: number, type: number, operations: readonly [number, number], value: number): void => {
      write.u8(op.localGet, local);
      constant(type, value);
      write.u8(type === i64 ? operations[1] : operations[0]);
    };
    const step = (local: number, type: number, operations: readonly [number, number]): void => {
      operate(local, type, operations, bulkPieceBytes);
      write.u8(op.localSet, local);
    };
    const moreThanAPiece = (): void => operate(length, size, [op.i32GtU, op.i64GtU], bulkPieceBytes);
    const instruction = (): void => {
      write.u8(opcode.miscellaneous, code);
      if (segment !== undefined) write.u32(segment);
      write.u32(memory);
      if (code === miscellaneousOpcode.memoryCopy) write.u32(memory);
    };
    const piece = (): void => {
      write.u8(op.localGet, to, op.localGet, from);
      constant(size, bulkPieceBytes);
      instruction();
    };
    const whole = (): void => {
      write.u8(op.localGet, to, op.localGet, from, op.localGet, length);
      instruction();
    };
    /** Leaves 1 when `length` from `start` on is more than `end`, which the callback leaves as an i64. */
    const beyond = (start: number, type: number, end: () => void): void => {
      get(length, size, true);
      end();
      write.u8(op.i64GtU);
      get(start, type, true);
      end();
      get(length, size, true);
      write.u8(op.i64Sub, op.i64GtU, op.i32Or);
    };
    const memoryEnd = (): void => {
      write.u8(op.memorySize).u32(memory);
      if (!limits.is64) write.u8(op.i64ExtendI32U);
      write.u8(op.i64Const).s64(BigInt(limits.pageSizeLog2 ?? 16)).u8(op.i64Shl);
    };
    const segmentEnd = (): void => void write.u8(op.i64Const).s64(BigInt(this.#dataSegments[segment!]!));
    const inPieces = (advance: () => void): void => {
      write.u8(op.loop, emptyBlock).raw(this.#check);
      moreThanAPiece();
      write.u8(op.if, emptyBlock);
      advance();
      write.u8(op.br, 1, op.end, op.end);
    };

    write.u8(0);
    moreThanAPiece();
    write.u8(op.if, emptyBlock);
    // Out of bounds: the instruction itself traps, before anything is written.
    beyond(to, address, memoryEnd);
    if (code === miscellaneousOpcode.memoryCopy) {
      beyond(from, address, memoryEnd);
      write.u8(op.i32Or);
    } else if (segment !== undefined) {
      beyond(from, i32, segmentEnd);
      write.u8(op.i32Or);
    }
    write.u8(op.if, emptyBlock);
    whole();
    write.u8(op.return, op.end);
    if (code === miscellaneousOpcode.memoryCopy) {
      // Upwards in memory: from the end, so that nothing is overwritten before it has been read.
      write.u8(op.localGet, to, op.localGet, from, address === i64 ? op.i64GtU : op.i32GtU, op.if, emptyBlock);
      inPieces(() => {
        step(length, size, [op.i32Sub, op.i64Sub]);
        for (const local of [to, from]) write.u8(op.localGet, local, op.localGet, length, address === i64 ? op.i64Add : op.i32Add);
        constant(size, bulkPieceBytes);
        instruction();
      });
      whole();
      write.u8(op.return, op.end);
    }
    write.u8(op.end);
    inPieces(() => {
      piece();
      step(to, address, [op.i32Add, op.i64Add]);
      if (code !== miscellaneousOpcode.memoryFill) step(from, source, [op.i32Add, op.i64Add]);
      step(length, size, [op.i32Sub, op.i64Sub]);
    });
    whole();
    write.u8(op.end);
    return { type: functionType([address, source, size], []), body: write.written.slice() };
  }
}
