import { encodeRewriting, reservedName, startExport } from '../../api/rewriting.ts';
import type { Rewriting } from '../../api/rewriting.ts';
import { WasmletError } from '../../api/errors.ts';
import { functionType } from '../assembly/appended-function.ts';
import type { AppendedFunction } from '../assembly/appended-function.ts';
import { customSectionName, together } from '../assembly/assemble-module.ts';
import type { Addition, Changes } from '../assembly/assemble-module.ts';
import { BinaryReader, malformed } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { opcode } from '../binary/instructions.ts';
import { limitsFlag } from '../binary/limits.ts';
import type { Limits } from '../binary/limits.ts';
import { sectionId } from '../binary/sections.ts';
import type { Section } from '../binary/sections.ts';
import { spliced } from '../binary/splice.ts';
import type { Splice } from '../binary/splice.ts';
import { encodeLimits } from '../limiting/allowance.ts';
import { indicesFrom, unwatched } from '../limiting/growth-watch.ts';
import type { GrowthWatch } from '../limiting/growth-watch.ts';
import type { ModuleOutline } from '../limiting/module-outline.ts';
import { whyNotShareable } from '../why-not-shareable.ts';
import { BranchHints } from './branch-hints.ts';
import type { Check } from './branch-hints.ts';
import { BulkFunctions } from './bulk-functions.ts';
import { callGraphOf, referencedByKind } from './call-graph.ts';
import { readFunctions } from './module-functions.ts';
import { moveFunctionName } from './move-function-name.ts';
import type { Body, ModuleFunctions } from './module-functions.ts';
import { NotShareable } from './not-shareable.ts';
import { CheckPlacer } from './place-checks.ts';
import { fillersFor, smallFunctionBytes } from './small-functions.ts';
import type { FunctionCount } from './small-functions.ts';
import { scanCode } from './scan-code.ts';
import type { CodeScan } from './scan-code.ts';

const emptyBlock = 0x40;
/** No locals, `end`. */
const emptyBody = Uint8Array.of(0, opcode.end);
const [functionExtern, memoryExtern] = [0, 2];
const i32 = 0x7f;

/** Names that belong to the engine: a guest that could use them could speak for it. */
function refuseReservedNames(bytes: Uint8Array, outline: ModuleOutline): void {
  if (outline.importModules.has(reservedName)) throw malformed(`imports from ${reservedName} are reserved`, 0);
  for (const name of outline.exportNames) if (name.startsWith(`${reservedName}:`)) throw malformed(`the export name ${name} is reserved`, 0);
  for (const section of outline.sections) {
    if (section.id === sectionId.custom && customSectionName(section, bytes) === reservedName) throw malformed(`the custom section ${reservedName} is reserved`, section.start);
  }
}

/**
 * To be called first.
 * @throws WasmletError `MODULE_MALFORMED`
 * @throws NotShareable
 */
export function refuseUnshareable(bytes: Uint8Array, outline: ModuleOutline): void {
  refuseReservedNames(bytes, outline);
  // What is out of bounds now must not be within them when memories and functions have been added.
  if (!WebAssembly.validate(bytes)) throw malformed('the module is not valid', 0);
  const reason = whyNotShareable(outline.memories, outline.tables.map(({ limits }) => limits));
  if (reason !== undefined) throw new NotShareable(reason);
}

/** Reads functions and code; what the walk does not know, though V8 does, cannot have checks. */
function readCode(bytes: Uint8Array, outline: ModuleOutline): { readonly functions: ModuleFunctions; readonly scan: CodeScan } {
  try {
    const functions = readFunctions(bytes, outline);
    return { functions, scan: scanCode(bytes, functions) };
  } catch (error) {
    if (error instanceof WasmletError) throw new NotShareable(`it has code that is not understood: ${error.message}`);
    throw error;
  }
}

/** The first memory as the host has to make it; undefined when the module defines none. */
function ownMemory(outline: ModuleOutline, limited: bigint | undefined): Rewriting['memory'] {
  const [memory] = outline.memories;
  if (memory === undefined || memory.imported) return undefined;
  const { minimum, is64 } = memory.limits;
  const maximum = limited ?? memory.limits.maximum;
  return { initial: Number(minimum), ...(maximum === undefined ? {} : { maximum: Number(maximum) }), ...(is64 ? { is64 } : {}) };
}

function memoryType(limits: Limits, limited: bigint | undefined): Uint8Array {
  const maximum = limited ?? limits.maximum;
  if (maximum !== undefined) return encodeLimits(limits, maximum);
  return new BinaryWriter().u8(limits.is64 ? limitsFlag.is64 : 0).u64(limits.minimum).written;
}

/** `if` the epoch word is not zero, `call` the function that yields. Read anew each time: calls and other memories' stores may change it. */
function checkInstructions(epochMemory: number, yieldFunction: number): Check {
  const write = new BinaryWriter(24).u8(opcode.i32Const, 0, 0x28);
  // Alignment 2^2; bit 6 says that a memory index follows.
  if (epochMemory === 0) write.u8(0x02);
  else write.u8(0x42).u32(epochMemory);
  write.u8(0);
  const ifOffset = write.written.length;
  return { ifOffset, bytes: write.u8(opcode.if, emptyBlock, opcode.call).u32(yieldFunction).u8(opcode.end).written };
}

/** Calls the host's `yield`; a guest that is not to go on traps, which no `catch_all` can catch. */
function yieldBody(yieldImport: number): Uint8Array {
  return new BinaryWriter().u8(0, opcode.call).u32(yieldImport).u8(opcode.if, emptyBlock, opcode.unreachable, opcode.end, opcode.end).written;
}

function imported(name: string, kind: number, type: Uint8Array): Uint8Array {
  return new BinaryWriter().name(reservedName).name(name).u8(kind).raw(type).written;
}

/** A body with its changes, its size in front. */
function changedBody(bytes: Uint8Array, { start, end }: Body, splices: readonly Splice[]): Uint8Array {
  const changed = spliced(bytes, start, end, splices);
  return new BinaryWriter(changed.length + 8).sized(changed).written;
}

/** Functions as the module has them, and with their checks and what is appended. */
function functionCounts(bodies: readonly Body[], placed: readonly (readonly Splice[])[], appended: readonly AppendedFunction[]): readonly [FunctionCount, FunctionCount] {
  let before = 0;
  let after = 0;
  bodies.forEach(({ start, end }, nth) => {
    if (end - start >= smallFunctionBytes) return;
    before++;
    const grown = placed[nth]!.reduce((sum, splice) => sum + splice.bytes.length - (splice.end - splice.start), end - start);
    if (grown < smallFunctionBytes) after++;
  });
  const added = appended.filter(({ body }) => body.length < smallFunctionBytes).length;
  return [{ all: bodies.length, small: before }, { all: bodies.length + appended.length, small: after + added }];
}

/** Takes the first of the entries out of a section. */
function withoutFirst(bytes: Uint8Array, section: Section, pass: (reader: BinaryReader) => void): { readonly splice: Splice; readonly entry: Uint8Array } {
  const reader = new BinaryReader(bytes, section.start, section.end);
  reader.u32('number of items');
  const start = reader.offset;
  pass(reader);
  return { splice: { start, end: reader.offset, bytes: new Uint8Array() }, entry: bytes.subarray(start, reader.offset) };
}

/**
 * What becomes of a module that gets yield checks (see `rewriteModule`); its limits are the caller's. `maximum` is that of
 * memory 0 when it is limited; `watch` stands for its growth.
 *
 * The yield import takes the index of the first defined function, which moves behind all others: so every other function
 * keeps its index. Memory 0 becomes an import so that the flag's memory can come behind it: V8 reaches memory 0 fastest.
 * @throws NotShareable
 */
export function addYieldChecks(bytes: Uint8Array, outline: ModuleOutline, maximum: bigint | undefined, watch: GrowthWatch): Changes {
  const { functions, scan } = readCode(bytes, outline);
  const { memories, tables, functions: watching, additions: beside, atEnd } = scan.grows || watch.always ? watch : unwatched;

  const defined = functions.bodies.length;
  const yieldImport = functions.imported;
  const moved = defined === 0 ? yieldImport : outline.functions;
  const yieldFunction = outline.functions + 1;
  const check = checkInstructions(outline.memories.length, yieldFunction);
  // Behind the yield import's type and that of the function that calls it.
  const watchers = watching(yieldFunction + 1, outline.types + 2);
  const bulk = new BulkFunctions(outline.memories, functions.dataSegments, check.bytes, yieldFunction + 1 + watchers.length);
  const byKind = referencedByKind(functions, scan);
  const placed = new CheckPlacer({
    bytes, functions, byKind, moved, bulk,
    check: check.bytes,
    graph: callGraphOf(functions, scan, byKind),
    memories: indicesFrom(yieldFunction + 1, memories),
    tables: indicesFrom(yieldFunction + 1, tables),
  }).place();

  const appended: readonly AppendedFunction[] = [
    { type: functionType([], []), body: yieldBody(yieldImport) },
    ...watchers,
    ...bulk.appended,
  ];
  const types = new BinaryWriter().raw(functionType([], [i32]));
  const typeIndices = new BinaryWriter();
  const bodies = new BinaryWriter(1024);
  const splices: Splice[] = [...functions.redirected(moved)];
  const hints = new BranchHints(check);
  if (defined > 0) {
    const sectionOf = (id: number): Section => outline.sections.find((section) => section.id === id)!;
    const first = withoutFirst(bytes, sectionOf(sectionId.function), (reader) => void reader.u32('a type index'));
    typeIndices.raw(first.entry);
    const code = withoutFirst(bytes, sectionOf(sectionId.code), (reader) => reader.skip(reader.u32('size of a function body'), 'a function body'));
    bodies.raw(changedBody(bytes, functions.bodies[0]!, placed[0]!));
    splices.push(first.splice, code.splice);
    const name = moveFunctionName(bytes, outline.sections, yieldImport, moved);
    if (name !== undefined) splices.push(name);
    placed.forEach((inside, nth) => {
      const body = functions.bodies[nth]!;
      if (nth === 0 || inside.length === 0) return;
      splices.push({ start: body.sizeStart, end: body.end, bytes: changedBody(bytes, body, inside) });
      hints.add(yieldImport + nth, body.start, inside);
    });
    hints.add(moved, functions.bodies[0]!.start, placed[0]!);
  }
  appended.forEach((each, nth) => {
    types.raw(each.type);
    typeIndices.u32(outline.types + 1 + nth);
    bodies.sized(each.body);
  });

  const fillers = fillersFor(...functionCounts(functions.bodies, placed, appended));
  for (let left = fillers; left > 0; left--) {
    // Of the type of the first appended function.
    typeIndices.u32(outline.types + 1);
    bodies.sized(emptyBody);
  }

  const memory = ownMemory(outline, maximum);
  const imports = [
    ...(memory === undefined ? [] : [imported('memory', memoryExtern, memoryType(outline.memories[0]!.limits, maximum))]),
    imported('epoch', memoryExtern, Uint8Array.of(limitsFlag.shared | limitsFlag.maximum, 1, 1)),
    imported('yield', functionExtern, new BinaryWriter().u32(outline.types).written),
  ];
  const exports: Uint8Array[] = [];
  if (functions.start !== undefined) {
    exports.push(new BinaryWriter().name(startExport).u8(functionExtern).u32(functions.start === yieldImport && defined > 0 ? moved : functions.start).written);
  }
  const additions = new Map<number, Addition>([
    [sectionId.type, { items: 1 + appended.length, bytes: types.written }],
    [sectionId.import, listed(imports)],
    [sectionId.function, { items: appended.length + fillers, bytes: typeIndices.written }],
    [sectionId.code, { items: appended.length + fillers, bytes: bodies.written }],
  ]);
  if (exports.length > 0) additions.set(sectionId.export, listed(exports));
  for (const [id, addition] of beside) additions.set(id, together(additions.get(id), addition));
  const rewriting: Rewriting = { ...(memory === undefined ? {} : { memory }), start: functions.start !== undefined };
  return {
    splices, additions,
    removed: new Set([sectionId.start, ...(memory === undefined ? [] : [sectionId.memory])]),
    beforeCode: hints.section,
    atEnd: [{ name: reservedName, content: encodeRewriting(rewriting) }, ...(atEnd === undefined ? [] : [atEnd])],
  };
}

function listed(entries: readonly Uint8Array[]): Addition {
  const bytes = new BinaryWriter(128);
  for (const entry of entries) bytes.raw(entry);
  return { items: entries.length, bytes: bytes.written };
}
