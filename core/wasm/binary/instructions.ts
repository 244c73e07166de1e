import type { BinaryReader } from './binary-reader.ts';
import { malformed } from './binary-reader.ts';
import { skipHeapType, skipValueType } from './types.ts';

/** Opcodes that callers look for. */
export const opcode = {
  unreachable: 0x00, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, try: 0x06, catch: 0x07, throw: 0x08, rethrow: 0x09, throwRef: 0x0a, end: 0x0b,
  br: 0x0c, brIf: 0x0d, brTable: 0x0e, return: 0x0f, call: 0x10, callIndirect: 0x11, returnCall: 0x12, returnCallIndirect: 0x13, callRef: 0x14,
  returnCallRef: 0x15, delegate: 0x18, catchAll: 0x19, tryTable: 0x1f, i32Const: 0x41, memoryGrow: 0x40, refFunc: 0xd2, brOnNull: 0xd5,
  brOnNonNull: 0xd6, garbageCollection: 0xfb, miscellaneous: 0xfc,
} as const;

/** What follows `opcode.miscellaneous` in instructions that callers look for. */
export const miscellaneousOpcode = {
  memoryInit: 8, memoryCopy: 10, memoryFill: 11, tableInit: 12, tableCopy: 14, tableGrow: 15, tableFill: 17,
} as const;

/** What follows an opcode: the shape of its immediates. A number, so that the walk stays one `switch`. */
const shape = {
  unknown: 0, nothing: 1, index: 2, twoIndices: 3, memoryArgument: 4, i32: 5, i64: 6, oneByte: 7, fourBytes: 8, eightBytes: 9, sixteenBytes: 10,
  blockType: 11, heapType: 12, branchTable: 13, selectTypes: 14, tryTable: 15, memoryArgumentAndLane: 16, branchOnCast: 17, prefix: 18,
} as const;

/** [first, last, shape] of consecutive opcodes; what no row names is unknown. */
type Row = readonly [first: number, last: number, shape: number];

function byCode(size: number, rows: readonly Row[]): Uint8Array {
  const table = new Uint8Array(size);
  for (const [first, last, immediates] of rows) table.fill(immediates, first, last + 1);
  return table;
}

const { nothing, index, twoIndices, memoryArgument, oneByte, sixteenBytes, blockType, heapType } = shape;

/** GC proposal. */
const garbageCollection = byCode(31, [
  [0, 1, index], // struct.new, struct.new_default
  [2, 5, twoIndices], // struct.get, get_s, get_u, set
  [6, 7, index], // array.new, array.new_default
  [8, 10, twoIndices], // array.new_fixed, new_data, new_elem
  [11, 14, index], // array.get, get_s, get_u, set
  [15, 15, nothing], // array.len
  [16, 16, index], // array.fill
  [17, 19, twoIndices], // array.copy, init_data, init_elem
  [20, 23, heapType], // ref.test, ref.cast
  [24, 25, shape.branchOnCast],
  [26, 30, nothing], // conversions to and from externref, i31
]);

/** Saturating truncation, bulk memory, reference types, wide arithmetic. */
const miscellaneous = byCode(23, [
  [0, 7, nothing],
  [8, 8, twoIndices], // memory.init
  [9, 9, index], // data.drop
  [10, 10, twoIndices], // memory.copy
  [11, 11, index], // memory.fill
  [12, 12, twoIndices], // table.init
  [13, 13, index], // elem.drop
  [14, 14, twoIndices], // table.copy
  [15, 17, index], // table.grow, size, fill
  [19, 22, nothing], // i64.add128, sub128, mul_wide_s, mul_wide_u
]);

/** SIMD and relaxed SIMD. */
const vector = byCode(0x114, [
  [0, 11, memoryArgument],
  [12, 13, sixteenBytes], // v128.const, i8x16.shuffle
  [14, 20, nothing],
  [21, 34, oneByte], // lanes
  [35, 83, nothing],
  [84, 91, shape.memoryArgumentAndLane],
  [92, 93, memoryArgument],
  [94, 0x113, nothing],
]);

/** Threads. */
const atomic = byCode(0x4f, [
  [0, 2, memoryArgument],
  [3, 3, oneByte], // atomic.fence
  [0x10, 0x4e, memoryArgument],
]);

const instructions = byCode(256, [
  [0x00, 0x01, nothing],
  [0x02, 0x04, blockType], // block, loop, if
  [0x05, 0x05, nothing],
  [0x06, 0x06, blockType], // try (legacy exception handling, as 0x07, 0x09, 0x18, 0x19)
  [0x07, 0x09, index], // catch, throw, rethrow
  [0x0a, 0x0b, nothing], // throw_ref, end
  [0x0c, 0x0d, index],
  [0x0e, 0x0e, shape.branchTable],
  [0x0f, 0x0f, nothing],
  [0x10, 0x10, index], // call
  [0x11, 0x11, twoIndices], // call_indirect
  [0x12, 0x12, index], // return_call
  [0x13, 0x13, twoIndices], // return_call_indirect
  [0x14, 0x15, index], // call_ref, return_call_ref
  [0x18, 0x18, index], // delegate
  [0x19, 0x1b, nothing], // catch_all, drop, select
  [0x1c, 0x1c, shape.selectTypes],
  [0x1f, 0x1f, shape.tryTable],
  [0x20, 0x26, index], // locals, globals, table.get, table.set
  [0x28, 0x3e, memoryArgument],
  [0x3f, 0x40, index], // memory.size, memory.grow
  [0x41, 0x41, shape.i32],
  [0x42, 0x42, shape.i64],
  [0x43, 0x43, shape.fourBytes],
  [0x44, 0x44, shape.eightBytes],
  [0x45, 0xc4, nothing],
  [0xd0, 0xd0, heapType], // ref.null
  [0xd1, 0xd1, nothing],
  [0xd2, 0xd2, index], // ref.func
  [0xd3, 0xd4, nothing], // ref.eq, ref.as_non_null
  [0xd5, 0xd6, index], // br_on_null, br_on_non_null
  [0xfb, 0xfe, shape.prefix],
]);

/** By prefix byte, from 0xfb. */
const prefixed: readonly Uint8Array[] = [garbageCollection, miscellaneous, vector, atomic];

/** Reads the number behind a prefix byte, which chooses the instruction. */
function prefixedShape(reader: BinaryReader, prefix: number, at: number): number {
  const code = reader.u32('an opcode');
  const found = prefixed[prefix - 0xfb]![code] ?? shape.unknown;
  if (found === shape.unknown) throw malformed(`opcode 0x${prefix.toString(16)} 0x${code.toString(16)} is unknown`, at);
  return found;
}

function skipMemoryArgument(reader: BinaryReader): void {
  // Bit 6 of the alignment: a memory index follows (multi-memory). Offsets have 64 bits with memory64.
  if ((reader.u32('an alignment') & 0x40) !== 0) reader.u32('a memory index');
  reader.skipLeb(64, 'an offset');
}

export function skipBlockType(reader: BinaryReader): void {
  const byte = reader.peek('a block type');
  // A reference type has two parts; empty, other value types and type indices are one number.
  if (byte === 0x63 || byte === 0x64) skipValueType(reader);
  else reader.skipLeb(33, 'a block type');
}

function skipCatchClauses(reader: BinaryReader): void {
  for (let left = reader.count('catch clauses', 2); left > 0; left--) {
    const at = reader.offset;
    const clause = reader.u8('a catch clause');
    if (clause > 3) throw malformed(`catch clause ${clause} is unknown`, at);
    if (clause < 2) reader.u32('a tag index');
    reader.u32('a label');
  }
}

function skipImmediates(reader: BinaryReader, immediates: number): void {
  switch (immediates) {
    case shape.nothing: return;
    case shape.index: return void reader.u32('an index');
    case shape.twoIndices: reader.u32('an index'); return void reader.u32('an index');
    case shape.memoryArgument: return skipMemoryArgument(reader);
    case shape.i32: return reader.skipLeb(32, 'an i32 constant');
    case shape.i64: return reader.skipLeb(64, 'an i64 constant');
    case shape.oneByte: return reader.skip(1, 'an immediate byte');
    case shape.fourBytes: return reader.skip(4, 'an f32 constant');
    case shape.eightBytes: return reader.skip(8, 'an f64 constant');
    case shape.sixteenBytes: return reader.skip(16, 'a v128 immediate');
    case shape.blockType: return skipBlockType(reader);
    case shape.heapType: return void skipHeapType(reader);
    case shape.branchTable:
      for (let left = reader.count('branch targets'); left >= 0; left--) reader.u32('a label');
      return;
    case shape.selectTypes:
      for (let left = reader.count('select types'); left > 0; left--) skipValueType(reader);
      return;
    case shape.tryTable:
      skipBlockType(reader);
      return skipCatchClauses(reader);
    case shape.memoryArgumentAndLane:
      skipMemoryArgument(reader);
      return reader.skip(1, 'a lane');
    case shape.branchOnCast:
      reader.skip(1, 'cast flags');
      reader.u32('a label');
      skipHeapType(reader);
      return void skipHeapType(reader);
    default:
      throw new Error(`no such shape of immediates: ${immediates}`);
  }
}

/**
 * Passes over one instruction with its immediates and answers its first byte (core spec 3.0, §5.4; threads, legacy
 * exception handling, wide arithmetic). An opcode that is not known is refused, since what follows it cannot be found.
 */
export function skipInstruction(reader: BinaryReader): number {
  const at = reader.offset;
  const code = reader.u8('an instruction');
  let immediates = instructions[code]!;
  if (immediates === shape.unknown) throw malformed(`opcode 0x${code.toString(16)} is unknown`, at);
  if (immediates === shape.prefix) immediates = prefixedShape(reader, code, at);
  skipImmediates(reader, immediates);
  return code;
}

/** The unsigned LEB128 at `offset`, which has been passed over before. */
export function u32At(bytes: Uint8Array, offset: number): number {
  let value = bytes[offset]!;
  if (value < 0x80) return value;
  value &= 0x7f;
  for (let at = offset + 1, factor = 0x80; ; at++, factor *= 0x80) {
    const byte = bytes[at]!;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
}

/** Passes over the local variables in front of a function's code; answers how many there are. */
export function skipLocals(reader: BinaryReader): number {
  let locals = 0;
  for (let left = reader.count('local declarations', 2); left > 0; left--) {
    locals += reader.u32('number of locals');
    skipValueType(reader);
  }
  return locals;
}

/** Passes over a constant expression with its `end`. */
export function skipConstantExpression(reader: BinaryReader): void {
  while (skipInstruction(reader) !== opcode.end);
}
