import { assembleModule, together } from './assembly/assemble-module.ts';
import type { AppendedFunction } from './assembly/appended-function.ts';
import type { Addition, Changes } from './assembly/assemble-module.ts';
import { sectionId } from './binary/sections.ts';
import type { Splice } from './binary/splice.ts';
import { BinaryWriter } from './binary/binary-writer.ts';
import { allowMemories, allowTables, encodeLimits } from './limiting/allowance.ts';
import { lengthFunctionBody, lengthFunctionType } from './limiting/array-lengths.ts';
import { shareBudget } from './limiting/budget.ts';
import { refuseLongConstants } from './limiting/constant-arrays.ts';
import { indicesFrom, unwatched } from './limiting/growth-watch.ts';
import type { GrowthWatch } from './limiting/growth-watch.ts';
import { markGrowth as markedGrowth, refuseGrowRefusedExport, zeroGlobal } from './limiting/mark-growth.ts';
import { outlineOf } from './limiting/module-outline.ts';
import type { ModuleOutline } from './limiting/module-outline.ts';
import { redirectCode } from './limiting/redirect-code.ts';
import { stopFunctionBody, stopFunctionType } from './limiting/stop-points.ts';
import { longestTable } from './why-not-shareable.ts';
import { addYieldChecks, refuseUnshareable } from './yielding/add-yield-checks.ts';
import { NotShareable } from './yielding/not-shareable.ts';

export { growRefusedExport } from './limiting/mark-growth.ts';

export interface ModuleLimits {
  /** Bytes of linear memory, over all memories of the module. Absent: memories are as the module declares them. */
  readonly memoryBytes?: number;
  /** Elements that each table may have; never more than `mostTableElements`, which holds when this is absent. */
  readonly tableElements?: number;
  /** Count growth that the memory limit refuses, in `growRefusedExport`. */
  readonly markGrowth: boolean;
  /** The limit is for this module's instance and others together, as in a component: growth asks the host. */
  readonly sharedBudget?: boolean;
}

export interface RewriteOptions extends ModuleLimits {
  /** Make the guest call the host wherever it could run on for long, so that it can be suspended, throttled and ended. */
  readonly yieldChecks: boolean;
}

export interface RewrittenModule {
  readonly kind: 'rewritten';
  readonly bytes: Uint8Array;
  /** False when nothing needed a mark: no `markGrowth`, no `memory.grow`, or the module's own maximum lies within the limit. */
  readonly growthMarked: boolean;
}

/** The module is all right, but it cannot have yield checks: it needs a thread of its own. */
export interface UnsharedModule {
  readonly kind: 'not-shareable';
  /** Continues "the module needs a thread of its own: ". */
  readonly reason: string;
}

/** Of all tables of a module. V8 ends the process, not the thread, when a larger table finds no room in the thread's heap. */
const mostTableElements = 2 ** 20;

const nothing: Changes = { splices: [], additions: new Map() };

interface Limited {
  readonly splices: readonly Splice[];
  /** Of memory 0, when memories are limited. */
  readonly maximum: bigint | undefined;
  readonly watch: GrowthWatch;
}

/** The splices that lower every maximum, and what watches growth. */
function limited(bytes: Uint8Array, outline: ModuleOutline, { memoryBytes, tableElements, markGrowth, sharedBudget }: ModuleLimits): Limited {
  const tableMaxima = allowTables(outline.tables, BigInt(Math.min(tableElements ?? mostTableElements, mostTableElements)), BigInt(mostTableElements));
  const splices: Splice[] = tableMaxima.map((maximum, index) => {
    const { limits, start, end } = outline.tables[index]!;
    return { start, end, bytes: encodeLimits(limits, maximum) };
  });
  if (memoryBytes === undefined) return { splices, maximum: undefined, watch: unwatched };
  const limit = BigInt(memoryBytes);
  const allowances = allowMemories(outline.memories, limit, markGrowth);
  outline.memories.forEach(({ limits, start, end }, index) => {
    splices.push({ start, end, bytes: encodeLimits(limits, allowances[index]!.maximum) });
  });
  const watch = !markGrowth ? unwatched
    : sharedBudget === true ? shareBudget(bytes, outline, allowances, tableMaxima)
      : markedGrowth(outline, allowances, outline.memories.length > 1 ? limit : undefined);
  return { splices, maximum: allowances[0]?.maximum, watch };
}

/** What becomes of the code of a module that gets no yield checks: growth that is watched, and points at which it can be stopped. */
function changeCode(bytes: Uint8Array, outline: ModuleOutline, watch: GrowthWatch): { readonly changes: Changes; readonly growthMarked: boolean } {
  const code = outline.sections.find(({ id }) => id === sectionId.code);
  const stop = outline.functions;
  const length = stop + 1;
  const own: readonly ((global: number) => AppendedFunction)[] = [
    (global) => ({ type: stopFunctionType, body: stopFunctionBody(stop, global) }),
    ...(outline.arrays.size === 0 ? [] : [() => ({ type: lengthFunctionType, body: lengthFunctionBody(stop) })]),
  ];
  const first = stop + own.length;
  const { splices, grows, stops } = code === undefined
    ? { splices: [], grows: false, stops: false }
    : redirectCode(code, bytes, { stop, length, arrays: outline.arrays, memories: indicesFrom(first, watch.memories), tables: indicesFrom(first, watch.tables) });
  if (!grows && !stops && !watch.always) return { changes: nothing, growthMarked: false };
  if (grows) refuseGrowRefusedExport(outline);
  const { functions, additions: beside, atEnd } = grows || watch.always ? watch : unwatched;
  const watched = beside.get(sectionId.global);
  const appended = [
    ...own.map((make) => make(outline.globals + (watched?.items ?? 0))),
    ...functions(first, outline.types + own.length),
  ];
  const [types, typeIndices, bodies] = [new BinaryWriter(), new BinaryWriter(), new BinaryWriter()];
  appended.forEach(({ type, body }, nth) => {
    types.raw(type);
    typeIndices.u32(outline.types + nth);
    bodies.sized(body);
  });
  const items = appended.length;
  const additions = new Map<number, Addition>([
    ...beside,
    [sectionId.type, { items, bytes: types.written }],
    [sectionId.function, { items, bytes: typeIndices.written }],
    [sectionId.code, { items, bytes: bodies.written }],
    [sectionId.global, together(watched, { items: 1, bytes: zeroGlobal })],
  ]);
  return { changes: { splices, additions, ...(atEnd === undefined ? {} : { atEnd: [atEnd] }) }, growthMarked: grows || watch.always };
}

/**
 * Makes a core module one that the engine can hold, in one pass.
 *
 * Limits: the maximum of each memory and table, defined or imported, is lowered to the limit; V8's own resource limits do
 * not reach Wasm memory. With `markGrowth` each `memory.grow` that can meet the limit goes through an appended function which
 * counts refusals, so that running out of memory is told apart from other failures. It also holds the memories of one
 * module together below the limit. Everything else stays as it is.
 *
 * Yield checks: wherever the guest could run on for long it looks at a word that the host shares with it and, when that is
 * not zero, calls the host, which may suspend it; when the host then says so, it traps, which nothing in Wasm can catch.
 * Checks stand at loop headers, at entries of functions on a cycle of calls (tail calls, calls by reference), between
 * calls of the host, before instructions that take long, inside long bulk operations, and wherever else the work since the last check,
 * counted with what is called, would pass a bound (`yielding/work.ts`). What the module asks of its host then is in
 * core/api/rewriting.ts.
 * @throws WasmletError `MEMORY_OVER_LIMIT` when the module begins above a limit; `MODULE_MALFORMED` when it cannot be read,
 * also for an opcode that is not known, and with yield checks when V8 finds it invalid or it uses a name that belongs to the
 * engine.
 */
export function rewriteModule(bytes: Uint8Array, options: RewriteOptions): RewrittenModule | UnsharedModule {
  if (!options.yieldChecks) return limitModule(bytes, options);
  const outline = outlineOf(bytes);
  try {
    refuseUnshareable(bytes, outline);
    const limits = limited(bytes, outline, { ...options, tableElements: Math.min(options.tableElements ?? longestTable, longestTable) });
    const changes = addYieldChecks(bytes, outline, limits.maximum, limits.watch);
    return rewritten(bytes, outline, limits, changes, changes.additions.has(sectionId.global));
  } catch (error) {
    if (error instanceof NotShareable) return { kind: 'not-shareable', reason: error.message };
    throw error;
  }
}

/** `rewriteModule` without yield checks: limits, and points at which a thread can be ended (`limiting/stop-points.ts`). */
export function limitModule(bytes: Uint8Array, options: ModuleLimits): RewrittenModule {
  const outline = outlineOf(bytes);
  refuseLongConstants(bytes, outline.sections, outline.arrays);
  const limits = limited(bytes, outline, options);
  const { changes, growthMarked } = changeCode(bytes, outline, limits.watch);
  return rewritten(bytes, outline, limits, changes, growthMarked);
}

function rewritten(bytes: Uint8Array, outline: ModuleOutline, limits: Limited, changes: Changes, growthMarked: boolean): RewrittenModule {
  // Imports hold tables and memories in any order.
  const splices = [...limits.splices, ...changes.splices].sort((left, right) => left.start - right.start);
  return { kind: 'rewritten', bytes: assembleModule(bytes, outline.sections, { ...changes, splices }), growthMarked };
}
