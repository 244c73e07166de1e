import { budgetName, encodeNeeds, reservedName } from '../../api/rewriting.ts';
import { functionType } from '../assembly/appended-function.ts';
import { customSectionName } from '../assembly/assemble-module.ts';
import { malformed } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { pageBytes } from '../binary/limits.ts';
import { sectionId } from '../binary/sections.ts';
import type { Allowance } from './allowance.ts';
import { growthFunction, memoryTarget, tableElementBytes, tableTarget } from './growth.ts';
import type { GrowthTarget, Permission } from './growth.ts';
import type { GrowthWatch } from './growth-watch.ts';
import { growRefusedEntry, zeroGlobal } from './mark-growth.ts';
import type { ModuleOutline, Sized } from './module-outline.ts';

const [i32, i64, funcref] = [0x7f, 0x7e, 0x70];
const externKind = { table: 1, memory: 2 } as const;
const op = { if: 0x04, else: 0x05, end: 0x0b, call: 0x10, callIndirect: 0x11, localGet: 0x20, tableGet: 0x25, i32Const: 0x41, i64Const: 0x42, i64Shl: 0x86, refIsNull: 0xd1 } as const;

/** Bytes that an instance takes from its start: its own memories and tables. */
function needsOf({ memories, tables }: ModuleOutline): bigint {
  const own = (sizes: readonly Sized[], bytes: (sized: Sized) => bigint): bigint =>
    sizes.filter(({ imported }) => !imported).reduce((sum, sized) => sum + sized.limits.minimum * bytes(sized), 0n);
  return own(memories, ({ limits }) => pageBytes(limits)) + own(tables, () => BigInt(tableElementBytes));
}

/** Names of ours: a guest that could use them could speak for the engine. */
function refuseReserved(bytes: Uint8Array, { exportNames, sections }: ModuleOutline): void {
  for (const name of exportNames) if (name.startsWith(`${reservedName}:`)) throw malformed(`the export name ${name} is reserved`, 0);
  for (const section of sections) {
    if (section.id === sectionId.custom && customSectionName(section, bytes) === budgetName.needs) throw malformed(`the custom section ${budgetName.needs} is reserved`, section.start);
  }
}

/** The type of the function that says whether the host permits so many bytes more: 1 or 0. */
const askType = functionType([i64], [i32]);

/**
 * What becomes of a module whose instance shares a memory limit with others: each `memory.grow` and `table.grow` first asks
 * the host, by a function that the host puts into an appended table (a module cannot be given an import more without moving
 * the indices of all functions), and what is refused is counted. Before the host has put it there, in a start section, the
 * module's own maxima bound it. The host finds the module's memories and tables by appended exports, and what an instance
 * needs from its start in a custom section. The contract stands in core/api/rewriting.ts.
 * @param tableMaxima in elements, where tables are limited by more than memory
 * @throws WasmletError `MODULE_MALFORMED`
 */
export function shareBudget(bytes: Uint8Array, outline: ModuleOutline, allowances: readonly Allowance[], tableMaxima: readonly bigint[]): GrowthWatch {
  refuseReserved(bytes, outline);
  const budgetTable = outline.tables.length;
  const targets = [...outline.memories.map((memory, index) => memoryTarget(memory, index, allowances[index]!)), ...outline.tables.map((table, index) => tableTarget(table, index, tableMaxima[index]))];
  const exports = new BinaryWriter().raw(growRefusedEntry(outline)).name(budgetName.ask).u8(externKind.table).u32(budgetTable);
  let exported = 2;
  const expose = (sizes: readonly Sized[], kind: number, prefix: string): void => sizes.forEach(({ imported }, index) => {
    if (imported) return;
    exports.name(`${prefix}${index}`).u8(kind).u32(index);
    exported++;
  });
  expose(outline.memories, externKind.memory, budgetName.memory);
  expose(outline.tables, externKind.table, budgetName.table);
  return {
    always: true,
    functions: (ask, askTypeIndex) => [
      { type: askType, body: askBody(budgetTable, askTypeIndex) },
      ...targets.map((target) => growthFunction(target, outline.globals, askedAt(ask, target))),
    ],
    // Behind the function that asks.
    memories: new Map(outline.memories.map((_, index) => [index, 1 + index])),
    tables: new Map(outline.tables.map((_, index) => [index, 1 + outline.memories.length + index])),
    additions: new Map([
      [sectionId.global, { items: 1, bytes: zeroGlobal }],
      // (table 1 1 funcref)
      [sectionId.table, { items: 1, bytes: Uint8Array.of(funcref, 1, 1, 1) }],
      [sectionId.export, { items: exported, bytes: exports.written }],
    ]),
    atEnd: { name: budgetName.needs, content: encodeNeeds(needsOf(outline)) },
  };
}

/** Asks the host whether it permits so many bytes more; permits them while there is nobody to ask. */
function askBody(table: number, type: number): Uint8Array {
  const code = new BinaryWriter(48).u8(0);
  code.u8(op.i32Const, 0, op.tableGet).u32(table).u8(op.refIsNull, op.if, i32, op.i32Const, 1, op.else);
  return code.u8(op.localGet, 0, op.i32Const, 0, op.callIndirect).u32(type).u32(table).u8(op.end, op.end).written;
}

function askedAt(ask: number, { log2Bytes }: GrowthTarget): Permission {
  return (code, pushDelta) => {
    pushDelta();
    code.u8(op.i64Const, log2Bytes, op.i64Shl, op.call).u32(ask);
  };
}
