import { BinaryReader, malformed } from './binary/binary-reader.ts';
import { BinaryWriter } from './binary/binary-writer.ts';
import { limitsFlag } from './binary/limits.ts';
import type { Limits } from './binary/limits.ts';
import { preambleBytes } from './binary/preamble.ts';
import { sectionId, sectionOrder } from './binary/sections.ts';
import type { Section } from './binary/sections.ts';
import { spliced } from './binary/splice.ts';
import type { Splice } from './binary/splice.ts';
import { allowMemories, allowTable } from './limiting/allowance.ts';
import type { Allowance } from './limiting/allowance.ts';
import { growthFunctionBody, growthFunctionType, redirectGrowth } from './limiting/growth.ts';
import type { GrowingMemory } from './limiting/growth.ts';
import { outlineOf } from './limiting/module-outline.ts';
import type { ModuleOutline } from './limiting/module-outline.ts';

/** The exported `(mut i32)` that counts growth refused at the limit. No module may bring its own. */
export const growRefusedExport = 'wasmlet:grow-refused';

export interface ModuleLimits {
  /** Bytes of linear memory, over all memories of the module. Absent: memories are as the module declares them. */
  readonly memoryBytes?: number;
  /** Elements that each table may have. Absent: tables are as the module declares them. */
  readonly tableElements?: number;
  /** Count growth that the memory limit refuses, in `growRefusedExport`. */
  readonly markGrowth: boolean;
}

export interface LimitedModule {
  readonly bytes: Uint8Array;
  /** False when nothing needed a mark: no `markGrowth`, no `memory.grow`, or the module's own maximum lies within the limit. */
  readonly growthMarked: boolean;
}

function encodeLimits(limits: Limits, maximum: bigint): Uint8Array {
  const { pageSizeLog2 } = limits;
  const flags = limitsFlag.maximum | (limits.shared ? limitsFlag.shared : 0) | (limits.is64 ? limitsFlag.is64 : 0)
    | (pageSizeLog2 === undefined ? 0 : limitsFlag.pageSize);
  const writer = new BinaryWriter(24).u8(flags).u64(limits.minimum).u64(maximum);
  return pageSizeLog2 === undefined ? writer.written : writer.u32(pageSizeLog2).written;
}

/** What is appended to a section, which is made when the module lacks it. */
interface Addition {
  readonly items: number;
  readonly bytes: Uint8Array;
}

/** The functions, types and the global that count refused growth; none when no `memory.grow` can meet the limit. */
function markGrowth(bytes: Uint8Array, outline: ModuleOutline, allowances: readonly Allowance[], sumLimit: bigint | undefined) {
  const marked = outline.memories.flatMap((_, index) => {
    const { maximum, ownMaximum } = allowances[index]!;
    return sumLimit !== undefined || maximum < ownMaximum ? [index] : [];
  });
  const code = outline.sections.find(({ id }) => id === sectionId.code);
  if (code === undefined || marked.length === 0) return undefined;
  const splices = redirectGrowth(code, bytes, new Map(marked.map((memory, nth) => [memory, outline.functions + nth])));
  if (splices.length === 0) return undefined;
  if (outline.exportNames.has(growRefusedExport)) throw malformed(`the export name ${growRefusedExport} is reserved`, 0);

  const memories = outline.memories.map(({ limits }, index): GrowingMemory => ({
    is64: limits.is64, pageSizeLog2: limits.pageSizeLog2 ?? 16, ownMaximum: allowances[index]!.ownMaximum,
  }));
  const counter = outline.globals;
  const functions = new BinaryWriter();
  const bodies = new BinaryWriter();
  for (const memory of marked) {
    functions.u32(outline.types + (memories[memory]!.is64 ? 1 : 0));
    bodies.sized(growthFunctionBody(memories, memory, counter, sumLimit));
  }
  const additions = new Map<number, Addition>([
    [sectionId.type, { items: 2, bytes: Uint8Array.from([...growthFunctionType(false), ...growthFunctionType(true)]) }],
    [sectionId.function, { items: marked.length, bytes: functions.written }],
    // (global (mut i32) (i32.const 0))
    [sectionId.global, { items: 1, bytes: Uint8Array.of(0x7f, 1, 0x41, 0, 0x0b) }],
    [sectionId.export, { items: 1, bytes: new BinaryWriter().name(growRefusedExport).u8(3).u32(counter).written }],
    [sectionId.code, { items: marked.length, bytes: bodies.written }],
  ]);
  return { splices, additions };
}

/** Custom sections that hold offsets into the code, which are wrong once it has moved. */
function pointsIntoCode(section: Section, bytes: Uint8Array): boolean {
  if (section.id !== sectionId.custom) return false;
  const name = new BinaryReader(bytes, section.start, section.end).name('the name of a custom section');
  return /^(\.debug_|reloc\.|sourceMappingURL$|metadata\.code\.|external_debug_info$)/.test(name);
}

function addTo(section: Section, bytes: Uint8Array, { items, bytes: added }: Addition): readonly [Splice, Splice] {
  const reader = new BinaryReader(bytes, section.start, section.end);
  const count = reader.u32('number of items');
  return [
    { start: section.start, end: reader.offset, bytes: new BinaryWriter(8).u32(count + items).written },
    { start: section.end, end: section.end, bytes: added },
  ];
}

/** Puts a module together from its sections, with what is replaced and appended. */
function assembled(bytes: Uint8Array, outline: ModuleOutline, splices: readonly Splice[], additions: ReadonlyMap<number, Addition>): Uint8Array {
  const writer = new BinaryWriter(bytes.length + 1024).raw(bytes.subarray(0, preambleBytes));
  const missing = sectionOrder.filter((id) => additions.has(id) && !outline.sections.some((section) => section.id === id));
  const writeMissing = (before: number): void => {
    while (missing.length > 0 && sectionOrder.indexOf(missing[0]!) < before) {
      const id = missing.shift()!;
      const { items, bytes: added } = additions.get(id)!;
      writer.u8(id).sized(new BinaryWriter().u32(items).raw(added).written);
    }
  };
  for (const section of outline.sections) {
    if (section.id !== sectionId.custom) writeMissing(sectionOrder.indexOf(section.id));
    else if (additions.has(sectionId.code) && pointsIntoCode(section, bytes)) continue;
    const inside = splices.filter(({ start, end }) => start >= section.start && end <= section.end);
    const addition = additions.get(section.id);
    const [count, tail] = addition === undefined ? [] : addTo(section, bytes, addition);
    const all = count === undefined || tail === undefined ? inside : [count, ...inside, tail];
    writer.u8(section.id).sized(spliced(bytes, section.start, section.end, all));
  }
  writeMissing(Number.POSITIVE_INFINITY);
  return writer.written;
}

/**
 * Bounds what a core module can take: the maximum of each memory and table, defined or imported, is lowered to the limit;
 * V8's own resource limits do not reach Wasm memory. With `markGrowth` each `memory.grow` that can meet the limit goes
 * through an appended function which counts refusals, so that running out of memory is told apart from other failures.
 * It also holds the memories of one module together below the limit. Everything else stays as it is.
 * @throws WasmletError `MEMORY_OVER_LIMIT` when the module begins above a limit; `MODULE_MALFORMED` when it cannot be read,
 * also for an opcode that is not known (only looked for with `markGrowth`).
 */
export function limitModule(bytes: Uint8Array, limits: ModuleLimits): LimitedModule {
  const outline = outlineOf(bytes);
  const splices: Splice[] = [];
  for (const table of outline.tables) {
    if (limits.tableElements === undefined) break;
    splices.push({ start: table.start, end: table.end, bytes: encodeLimits(table.limits, allowTable(table.limits, BigInt(limits.tableElements))) });
  }
  let mark: ReturnType<typeof markGrowth>;
  if (limits.memoryBytes !== undefined) {
    const limit = BigInt(limits.memoryBytes);
    const allowances = allowMemories(outline.memories, limit, limits.markGrowth);
    outline.memories.forEach((memory, index) => {
      splices.push({ start: memory.start, end: memory.end, bytes: encodeLimits(memory.limits, allowances[index]!.maximum) });
    });
    if (limits.markGrowth) mark = markGrowth(bytes, outline, allowances, outline.memories.length > 1 ? limit : undefined);
  }
  splices.push(...(mark?.splices ?? []));
  // Imports hold tables and memories in any order.
  splices.sort((left, right) => left.start - right.start);
  return { bytes: assembled(bytes, outline, splices, mark?.additions ?? new Map()), growthMarked: mark !== undefined };
}
