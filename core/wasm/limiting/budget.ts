import { budgetName, encodeNeeds } from '../../api/rewriting.ts';
import type { Addition, Changes } from '../assembly/assemble-module.ts';
import { malformed } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { miscellaneousOpcode } from '../binary/instructions.ts';
import { sectionId } from '../binary/sections.ts';
import { pageBytes } from '../binary/limits.ts';
import { customSectionName } from '../assembly/assemble-module.ts';
import type { Allowance } from './allowance.ts';
import { growRefusedEntry, zeroGlobal } from './mark-growth.ts';
import type { ModuleOutline, Sized } from './module-outline.ts';
import { redirectCode } from './redirect-code.ts';
import { stopFunctionBody, stopFunctionType } from './stop-points.ts';

/** What V8 takes for a table's element, roughly, in bytes. */
export const tableElementBytes = 16;
const log2TableElementBytes = 4;

const [i32, i64, funcref] = [0x7f, 0x7e, 0x70];
const functionForm = 0x60;
const externKind = { table: 1, memory: 2 } as const;
const op = {
  if: 0x04, else: 0x05, end: 0x0b, callIndirect: 0x11, call: 0x10, localGet: 0x20, localSet: 0x21, globalGet: 0x23, globalSet: 0x24, tableGet: 0x25, memorySize: 0x3f,
  memoryGrow: 0x40, i32Const: 0x41, i64Const: 0x42, i32Eq: 0x46, i64Eq: 0x51, i64LeU: 0x58, i32Add: 0x6a, i64Sub: 0x7d, i64Shl: 0x86, i64ExtendI32U: 0xad, refIsNull: 0xd1,
  miscellaneous: 0xfc,
} as const;
const emptyBlock = 0x40;
/** Behind `op.miscellaneous`. */
const tableSize = 16;

/** Bytes that an instance takes from its start: its own memories and tables. */
function needsOf({ memories, tables }: ModuleOutline): bigint {
  const own = (sizes: readonly Sized[], bytes: (sized: Sized) => bigint): bigint =>
    sizes.filter(({ imported }) => !imported).reduce((sum, sized) => sum + sized.limits.minimum * bytes(sized), 0n);
  return own(memories, ({ limits }) => pageBytes(limits)) + own(tables, () => BigInt(tableElementBytes));
}

/** Names of ours: a guest that could use them could speak for the engine. */
function refuseReserved(bytes: Uint8Array, { exportNames, sections }: ModuleOutline): void {
  for (const name of exportNames) if (name.startsWith('wasmlet:')) throw malformed(`the export name ${name} is reserved`, 0);
  for (const section of sections) {
    if (section.id === sectionId.custom && customSectionName(section, bytes) === budgetName.needs) throw malformed(`the custom section ${budgetName.needs} is reserved`, section.start);
  }
}

interface Growing {
  readonly parameters: Uint8Array;
  readonly size: number;
  readonly body: Uint8Array;
}

/**
 * What becomes of a module whose instance shares a memory limit with others: each `memory.grow` and `table.grow` first asks
 * the host, by a function that the host puts into an appended table (a module cannot be given an import more without moving
 * the indices of all functions), and what is refused is counted. Before the host has put it there, in a start section, the
 * module's own maxima bound it. The host finds the module's memories and tables by appended exports, and what an instance
 * needs from its start in a custom section. The contract stands in core/api/rewriting.ts.
 * @throws WasmletError `MODULE_MALFORMED`
 */
export function shareBudget(bytes: Uint8Array, outline: ModuleOutline, allowances: readonly Allowance[]): Changes {
  refuseReserved(bytes, outline);
  const [budgetTable, askType, stop, ask] = [outline.tables.length, outline.types + 1, outline.functions, outline.functions + 1];
  const growing = [
    ...outline.memories.map((memory, index) => growMemory(memory, index, allowances[index]!, ask, outline.globals)),
    ...outline.tables.map((table, index) => growTable(table, index, ask, outline.globals)),
  ];
  const first = ask + 1;
  const code = outline.sections.find(({ id }) => id === sectionId.code);
  const splices = code === undefined ? [] : redirectCode(code, bytes, {
    stop,
    growth: new Map(outline.memories.map((_, index) => [index, first + index])),
    tableGrowth: new Map(outline.tables.map((_, index) => [index, first + outline.memories.length + index])),
  }).splices;

  const types = new BinaryWriter().raw(stopFunctionType).u8(functionForm, 1, i64, 1, i32);
  const functions = new BinaryWriter().u32(outline.types).u32(askType);
  const bodies = new BinaryWriter().sized(stopFunctionBody(stop, outline.globals + 1)).sized(askBody(budgetTable, askType));
  growing.forEach(({ parameters, size, body }, nth) => {
    types.u8(functionForm).raw(parameters).u8(1, size);
    functions.u32(askType + 1 + nth);
    bodies.sized(body);
  });
  const exports = new BinaryWriter().raw(growRefusedEntry(outline)).name(budgetName.ask).u8(externKind.table).u32(budgetTable);
  let exported = 2;
  const expose = (sizes: readonly Sized[], kind: number, prefix: string): void => sizes.forEach(({ imported }, index) => {
    if (imported) return;
    exports.name(`${prefix}${index}`).u8(kind).u32(index);
    exported++;
  });
  expose(outline.memories, externKind.memory, budgetName.memory);
  expose(outline.tables, externKind.table, budgetName.table);
  const items = 2 + growing.length;
  const additions = new Map<number, Addition>([
    [sectionId.type, { items, bytes: types.written }],
    [sectionId.function, { items, bytes: functions.written }],
    // (table 1 1 funcref)
    [sectionId.table, { items: 1, bytes: Uint8Array.of(funcref, 1, 1, 1) }],
    [sectionId.global, { items: 2, bytes: new BinaryWriter().raw(zeroGlobal).raw(zeroGlobal).written }],
    [sectionId.export, { items: exported, bytes: exports.written }],
    [sectionId.code, { items, bytes: bodies.written }],
  ]);
  return { splices, additions, atEnd: { name: budgetName.needs, content: encodeNeeds(needsOf(outline)) } };
}

/** Whether the host permits so many bytes more: 1 or 0. */
function askBody(table: number, type: number): Uint8Array {
  const code = new BinaryWriter(48).u8(0);
  code.u8(op.i32Const, 0, op.tableGet).u32(table).u8(op.refIsNull, op.if, i32, op.i32Const, 1, op.else);
  return code.u8(op.localGet, 0, op.i32Const, 0, op.callIndirect).u32(type).u32(table).u8(op.end, op.end).written;
}

/** What a growth function needs to know of the memory or table that it grows. */
interface Target {
  /** Of sizes and lengths. */
  readonly size: number;
  /** Its own maximum: growth beyond it fails by the module's own will and is no sign of a limit. */
  readonly ownMaximum: bigint;
  /** Of one page or element. */
  readonly log2Bytes: number;
  /** Operands in front of the length: a table's new elements. */
  readonly operands: Uint8Array;
  readonly sizeInstruction: Uint8Array;
  readonly growInstruction: Uint8Array;
}

function growMemory({ limits }: Sized, index: number, { ownMaximum }: Allowance, ask: number, counter: number): Growing {
  return growthFunction({
    size: limits.is64 ? i64 : i32,
    ownMaximum,
    log2Bytes: limits.pageSizeLog2 ?? 16,
    operands: new Uint8Array(),
    sizeInstruction: new BinaryWriter(8).u8(op.memorySize).u32(index).written,
    growInstruction: new BinaryWriter(8).u8(op.memoryGrow).u32(index).written,
  }, ask, counter);
}

function growTable({ limits, elementType }: Sized, index: number, ask: number, counter: number): Growing {
  return growthFunction({
    size: limits.is64 ? i64 : i32,
    ownMaximum: limits.maximum ?? 2n ** 32n - 1n,
    log2Bytes: log2TableElementBytes,
    operands: elementType!,
    sizeInstruction: new BinaryWriter(8).u8(op.miscellaneous, tableSize).u32(index).written,
    growInstruction: new BinaryWriter(8).u8(op.miscellaneous, miscellaneousOpcode.tableGrow).u32(index).written,
  }, ask, counter);
}

/** As the instruction: (elements and) length in, former size or -1 out. Counts what the limit refused. */
function growthFunction({ size, ownMaximum, log2Bytes, operands, sizeInstruction, growInstruction }: Target, ask: number, counter: number): Growing {
  const parameters = operands.length === 0 ? 1 : 2;
  const [delta, result] = [parameters - 1, parameters];
  const code = new BinaryWriter(128).u8(1, 1, size);
  const wide = (): void => void (size === i64 || code.u8(op.i64ExtendI32U));
  const minusOne = (): void => void code.u8(size === i64 ? op.i64Const : op.i32Const, 0x7f);
  minusOne();
  code.u8(op.localSet, result, op.localGet, delta);
  wide();
  code.u8(op.i64Const, log2Bytes, op.i64Shl, op.call).u32(ask).u8(op.if, emptyBlock);
  for (let operand = 0; operand < parameters; operand++) code.u8(op.localGet, operand);
  code.raw(growInstruction).u8(op.localSet, result, op.end, op.localGet, result);
  minusOne();
  code.u8(size === i64 ? op.i64Eq : op.i32Eq, op.if, emptyBlock, op.localGet, delta);
  wide();
  code.u8(op.i64Const).s64(ownMaximum).raw(sizeInstruction);
  wide();
  code.u8(op.i64Sub, op.i64LeU, op.if, emptyBlock, op.globalGet).u32(counter).u8(op.i32Const, 1, op.i32Add, op.globalSet).u32(counter);
  code.u8(op.end, op.end, op.localGet, result, op.end);
  return { parameters: new BinaryWriter().u8(parameters).raw(operands).u8(size).written, size, body: code.written.slice() };
}
