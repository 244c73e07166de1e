import { BinaryReader } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { miscellaneousOpcode, opcode, skipBlockType, skipInstruction, skipLocals, u32At } from '../binary/instructions.ts';
import type { Splice } from '../binary/splice.ts';
import type { BulkFunctions } from './bulk-functions.ts';
import type { CallGraph } from './call-graph.ts';
import type { ModuleFunctions } from './module-functions.ts';
import { Ways } from './ways.ts';
import { cyclicFunctionWork, earlyWork, functionWork, heavyWork, selfCallWork, smallBulkBytes, smallBulkWork, workOf } from './work.ts';

/** What the placing of checks needs to know of the module, and how it is written down. */
export interface Placing {
  readonly bytes: Uint8Array;
  readonly functions: ModuleFunctions;
  readonly graph: CallGraph;
  readonly byKind: readonly (readonly number[])[];
  /** The instructions of a check. */
  readonly check: Uint8Array;
  /** The new index of the function whose index the yield import took. */
  readonly moved: number;
  readonly bulk: BulkFunctions;
  /** The functions that stand for `memory.grow`, by memory, and for `table.grow`, by table; absent: none does. */
  readonly memories: ReadonlyMap<number, number>;
  readonly tables: ReadonlyMap<number, number>;
}

/**
 * Puts the checks of a module: at each loop's header, at the entry of functions on a cycle of calls, and wherever the work
 * that may lie behind since the last check would grow too large. Calls count with the work of what they call, so that
 * neither straight code nor functions that call each other twice, level by level, go without.
 */
export class CheckPlacer {
  readonly #placing: Placing;
  /** Of each function that has been done: the most work from its entry to its first check, or to its end without one. */
  readonly #entryWork: Int32Array;
  /** The most work since its last check, or since its entry, when it returns. */
  readonly #exitWork: Int32Array;
  /** The same over the functions that a call by reference may reach, by type. */
  readonly #kindEntryWork: Int32Array;
  readonly #kindExitWork: Int32Array;
  readonly #referenced: ReadonlySet<number>;
  /** Cycles to which a call by reference may lead, by type; `checked`: by a function that checks for itself. */
  readonly #cycles: readonly { readonly all: ReadonlySet<number | undefined>; readonly checked: ReadonlySet<number | undefined> }[];

  constructor(placing: Placing) {
    this.#placing = placing;
    const { functions, byKind, graph } = placing;
    this.#entryWork = new Int32Array(functions.kinds.length).fill(heavyWork, 0, functions.imported);
    this.#exitWork = this.#entryWork.slice();
    this.#kindEntryWork = new Int32Array(byKind.length);
    this.#kindExitWork = new Int32Array(byKind.length);
    this.#referenced = new Set(byKind.flat());
    const cyclesOf = (targets: readonly number[]): ReadonlySet<number | undefined> => new Set(targets.map((target) => graph.cycleOf.get(target)));
    this.#cycles = byKind.map((targets) => ({ all: cyclesOf(targets), checked: cyclesOf(targets.filter((target) => graph.checked.has(target))) }));
    byKind.forEach((targets, kind) => {
      if (functions.foreignReferences || targets.some((target) => target < functions.imported)) this.#kindEntryWork[kind] = heavyWork;
      else if (this.#cycles[kind]!.checked.size > 0) this.#kindEntryWork[kind] = earlyWork;
    });
  }

  /** The splices for all functions, by place in the file. */
  place(): readonly (readonly Splice[])[] {
    const { functions, graph } = this.#placing;
    const splices = new Array<readonly Splice[]>(functions.bodies.length);
    for (const index of graph.order) splices[index - functions.imported] = this.#placeIn(index);
    return splices;
  }

  #done(index: number, entry: number, exit: number): void {
    this.#entryWork[index] = entry;
    this.#exitWork[index] = exit;
    if (!this.#referenced.has(index) || this.#placing.graph.checked.has(index)) return;
    const kind = this.#placing.functions.kinds[index]!;
    this.#kindEntryWork[kind] = Math.max(this.#kindEntryWork[kind]!, entry);
    this.#kindExitWork[kind] = Math.max(this.#kindExitWork[kind]!, exit);
  }

  #placeIn(index: number): readonly Splice[] {
    const { bytes, functions, graph, check, moved, bulk, memories, tables } = this.#placing;
    const body = functions.bodies[index - functions.imported]!;
    const cycle = graph.cycleOf.get(index);
    const reader = new BinaryReader(bytes, body.start, body.end);
    const splices: Splice[] = [];
    /** It must check before it calls on within its cycle, and early. */
    const mustCheck = graph.checked.has(index);
    const ways = new Ways({ work: cycle === undefined ? functionWork : cyclicFunctionWork, early: mustCheck });
    let start = 0;
    /** Constant on top of the operand stack, pushed by the instruction before. */
    let constant = -1;
    let constantBefore = -1;

    const put = (at: number): void => void splices.push({ start: at, end: at, bytes: check });
    const checkHere = (): void => {
      put(start);
      ways.checked();
    };
    const add = (work: number): void => {
      if (ways.isTooMuch(work)) checkHere();
      ways.add(work);
    };
    const callDirect = (target: number, code: number): void => {
      const within = cycle !== undefined && graph.cycleOf.get(target) === cycle;
      const callWork = target === index ? selfCallWork : workOf(code);
      if (mustCheck && within && ways.isFresh) checkHere();
      if (graph.checked.has(target)) {
        add(callWork + earlyWork);
        if (!within) ways.cameBack(cyclicFunctionWork);
      } else {
        add(callWork + this.#entryWork[target]!);
        ways.cameBack(this.#exitWork[target]!);
      }
      if (within) ways.cameBackWithin();
      if (target === functions.imported && moved !== target) splices.push({ start, end: reader.offset, bytes: new BinaryWriter(8).u8(code).u32(moved).written });
    };
    const callByReference = (kind: number, code: number): void => {
      const { all, checked } = this.#cycles[kind]!;
      const within = cycle !== undefined && all.has(cycle);
      if (mustCheck && within && ways.isFresh) checkHere();
      add(workOf(code) + this.#kindEntryWork[kind]!);
      ways.cameBack(this.#kindExitWork[kind]!);
      if (checked.size > (checked.has(cycle) ? 1 : 0)) ways.cameBack(cyclicFunctionWork);
      if (within) ways.cameBackWithin();
    };
    const replace = (target: number): void => void splices.push({ start, end: reader.offset, bytes: new BinaryWriter(8).u8(opcode.call).u32(target).written });
    const grow = (target: number | undefined): void => {
      add(heavyWork);
      if (target !== undefined) replace(target);
    };
    const miscellaneous = (): void => {
      const code = u32At(bytes, start + 1);
      switch (code) {
        case miscellaneousOpcode.memoryInit:
        case miscellaneousOpcode.memoryCopy:
        case miscellaneousOpcode.memoryFill: {
          if (constantBefore >= 0 && constantBefore <= smallBulkBytes) return add(smallBulkWork);
          const target = bulk.functionFor(code, bytes, start + 2);
          if (target === undefined) return add(heavyWork);
          // It checks before each piece.
          add(workOf(opcode.call));
          replace(target);
          return ways.checked(heavyWork);
        }
        case miscellaneousOpcode.tableInit:
        case miscellaneousOpcode.tableCopy:
        case miscellaneousOpcode.tableFill: return add(heavyWork);
        case miscellaneousOpcode.tableGrow: return grow(tables.get(u32At(bytes, start + 2)));
        default: return add(workOf(opcode.miscellaneous));
      }
    };

    const locals = skipLocals(reader);
    start = reader.offset;
    // They are set to zero at each call.
    add(locals);
    while (ways.depth > 0) {
      start = reader.offset;
      const code = skipInstruction(reader);
      constantBefore = constant;
      constant = -1;
      switch (code) {
        case opcode.i32Const:
          constant = smallConstant(bytes, start + 1, reader.offset);
          add(1);
          break;
        case opcode.block:
        case opcode.try:
          ways.open(false);
          break;
        case opcode.tryTable:
          for (const label of catchLabels(bytes, start, reader.offset)) ways.anythingMayComeTo(label);
          ways.open(false);
          break;
        case opcode.loop:
          ways.open(true);
          put(reader.offset);
          ways.checkedAnyway();
          break;
        case opcode.if:
          add(1);
          ways.openIf();
          break;
        case opcode.else:
          ways.else();
          break;
        case opcode.catch:
        case opcode.catchAll:
          ways.endFirst();
          put(reader.offset);
          ways.checkedAnyway();
          break;
        case opcode.end:
        case opcode.delegate:
          if (ways.depth === 1) add(1);
          ways.end();
          break;
        case opcode.br:
          add(1);
          ways.branch(u32At(bytes, start + 1));
          ways.leave();
          break;
        case opcode.brIf:
        case opcode.brOnNull:
        case opcode.brOnNonNull:
          add(1);
          ways.branch(u32At(bytes, start + 1));
          break;
        case opcode.brTable: {
          add(1);
          const labels = new BinaryReader(bytes, start + 1, reader.offset);
          for (let left = labels.u32('branch targets'); left >= 0; left--) ways.branch(labels.u32('a label'));
          ways.leave();
          break;
        }
        case opcode.return:
          add(1);
          ways.branch(ways.depth - 1);
          ways.leave();
          break;
        case opcode.unreachable:
          ways.leave();
          break;
        case opcode.throw:
        case opcode.rethrow:
        case opcode.throwRef:
          add(heavyWork);
          ways.leave();
          break;
        case opcode.call:
          callDirect(u32At(bytes, start + 1), code);
          break;
        case opcode.returnCall:
          callDirect(u32At(bytes, start + 1), code);
          ways.branch(ways.depth - 1);
          ways.leave();
          break;
        case opcode.callIndirect:
        case opcode.callRef:
          callByReference(functions.kindOfType[u32At(bytes, start + 1)]!, code);
          break;
        case opcode.returnCallIndirect:
        case opcode.returnCallRef:
          callByReference(functions.kindOfType[u32At(bytes, start + 1)]!, code);
          ways.branch(ways.depth - 1);
          ways.leave();
          break;
        case opcode.refFunc:
          add(workOf(code));
          if (u32At(bytes, start + 1) === functions.imported && moved !== functions.imported) {
            splices.push({ start, end: reader.offset, bytes: new BinaryWriter(8).u8(code).u32(moved).written });
          }
          break;
        case opcode.memoryGrow:
          grow(memories.get(u32At(bytes, start + 1)));
          break;
        case opcode.miscellaneous:
          miscellaneous();
          break;
        default:
          add(workOf(code));
      }
    }
    this.#done(index, ways.entryWork, ways.work);
    return splices;
  }
}

/** The value of an `i32.const` that is no more than `smallBulkBytes`; -1 for others. */
function smallConstant(bytes: Uint8Array, start: number, end: number): number {
  const low = bytes[start]!;
  if (end - start === 1) return low < 0x40 ? low : -1;
  const high = bytes[start + 1]!;
  return end - start === 2 && high < 0x40 ? (low & 0x7f) | (high << 7) : -1;
}

/** The labels of a `try_table`, which count from the block around it. */
function catchLabels(bytes: Uint8Array, start: number, end: number): readonly number[] {
  const reader = new BinaryReader(bytes, start + 1, end);
  skipBlockType(reader);
  return Array.from({ length: reader.u32('catch clauses') }, () => {
    if (reader.u8('a catch clause') < 2) reader.u32('a tag index');
    return reader.u32('a label');
  });
}
