import { BinaryReader } from '../binary/binary-reader.ts';
import { opcode, skipInstruction } from '../binary/instructions.ts';
import { readLimits } from '../binary/limits.ts';
import { sectionId } from '../binary/sections.ts';
import type { Section } from '../binary/sections.ts';
import type { Splice } from '../binary/splice.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { skipValueType } from '../binary/types.ts';
import type { ModuleOutline } from '../limiting/module-outline.ts';
import { NotShareable } from './not-shareable.ts';

/** A function's code in the file, without its size. */
export interface Body {
  /** Where its size stands. */
  readonly sizeStart: number;
  readonly start: number;
  readonly end: number;
}

/** The functions of a module, and who may call them. Indices are the module's own. */
export interface ModuleFunctions {
  readonly imported: number;
  /** Of each function, imports first: a number for its type. Types that V8 takes for the same have the same number. */
  readonly kinds: readonly number[];
  /** From a type index to that number. */
  readonly kindOfType: readonly number[];
  /** From the first function that is no import. */
  readonly bodies: readonly Body[];
  /** Functions to which the module itself has references outside of its code. */
  readonly referenced: ReadonlySet<number>;
  /** References may come from outside, so that a call by reference may reach any function of any instance. */
  readonly foreignReferences: boolean;
  readonly start?: number;
  /** Bytes of each data segment. */
  readonly dataSegments: readonly number[];
  /** References to the first defined function, in front of the code, redirected to `moved`. */
  redirected(moved: number): readonly Splice[];
}

const numericTypes: ReadonlySet<number> = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x7b]);
const externReference = 0x6f;
const callsFunction = 0;
const refFunc = 0xd2;

/** Walks what stands around the code. The module has been validated: numbers are within their bounds. */
class Walk {
  readonly #bytes: Uint8Array;
  readonly #sections: readonly Section[];
  readonly referenced = new Set<number>();
  readonly #places = new Map<number, { readonly start: number; readonly end: number }[]>();
  foreignReferences = false;

  constructor(bytes: Uint8Array, sections: readonly Section[]) {
    this.#bytes = bytes;
    this.#sections = sections;
  }

  /** A fresh reader on a section; undefined when the module lacks it. */
  section(id: number): BinaryReader | undefined {
    const found = this.#sections.find((section) => section.id === id);
    return found && new BinaryReader(this.#bytes, found.start, found.end);
  }

  /** Reads a function index and remembers where it stands. */
  functionIndex(reader: BinaryReader, taken: boolean): number {
    const start = reader.offset;
    const index = reader.u32('a function index');
    const places = this.#places.get(index);
    if (places === undefined) this.#places.set(index, [{ start, end: reader.offset }]);
    else places.push({ start, end: reader.offset });
    if (taken) this.referenced.add(index);
    return index;
  }

  constantExpression(reader: BinaryReader): void {
    for (;;) {
      const start = reader.offset;
      const code = skipInstruction(reader);
      if (code === refFunc) this.functionIndex(new BinaryReader(this.#bytes, start + 1, reader.offset), true);
      if (code === opcode.end) return;
    }
  }

  valueType(reader: BinaryReader): number {
    const first = reader.peek('a value type');
    skipValueType(reader);
    return first;
  }

  placesOf(index: number): readonly { readonly start: number; readonly end: number }[] {
    return this.#places.get(index) ?? [];
  }
}

/** Numbers for the function types; a type that names another one gets the number of all such. */
function readTypes(walk: Walk): readonly number[] {
  const kinds = new Map<string, number>();
  const kindOf = (key: string): number => {
    const kind = kinds.get(key) ?? kinds.size;
    kinds.set(key, kind);
    return kind;
  };
  const reader = walk.section(sectionId.type);
  if (reader === undefined) return [];
  return Array.from({ length: reader.count('types') }, () => {
    if (reader.u8('a type form') !== 0x60) throw new NotShareable('it declares types of the GC proposal');
    let key = '';
    let named = false;
    for (const side of ['>', ';']) {
      for (let left = reader.count('value types'); left > 0; left--) {
        const type = walk.valueType(reader);
        key += String.fromCharCode(type);
        named ||= type === 0x63 || type === 0x64;
        // Whoever is outside can hand in a function, or be handed one.
        walk.foreignReferences ||= !numericTypes.has(type) && type !== externReference;
      }
      key += side;
    }
    return kindOf(named ? 'named' : key);
  });
}

function readImports(walk: Walk, kindOfType: readonly number[], kinds: number[]): void {
  const reader = walk.section(sectionId.import);
  if (reader === undefined) return;
  for (let left = reader.count('imports', 4); left > 0; left--) {
    reader.name('the module name of an import');
    reader.name('the name of an import');
    const kind = reader.u8('an import kind');
    if (kind === callsFunction) kinds.push(kindOfType[reader.u32('a type index')]!);
    else if (kind === 1) {
      walk.valueType(reader);
      readLimits(reader, 'table');
      walk.foreignReferences = true;
    } else if (kind === 2) readLimits(reader, 'memory');
    else if (kind === 3) {
      const type = walk.valueType(reader);
      walk.foreignReferences ||= !numericTypes.has(type) && type !== externReference;
      reader.skip(1, 'a mutability');
    } else {
      reader.skip(1, 'a tag attribute');
      reader.u32('a type index');
    }
  }
}

function readElements(walk: Walk): void {
  const reader = walk.section(sectionId.element);
  if (reader === undefined) return;
  for (let left = reader.count('element segments'); left > 0; left--) {
    // Core spec 3.0, §5.5.12: bit 0 passive or declared, bit 1 explicit table or declared, bit 2 expressions.
    const flags = reader.u32('segment flags');
    if ((flags & 1) === 0) {
      if ((flags & 2) !== 0) reader.u32('a table index');
      walk.constantExpression(reader);
    }
    const expressions = (flags & 4) !== 0;
    if ((flags & 3) !== 0) {
      if (expressions) walk.valueType(reader);
      else reader.skip(1, 'an element kind');
    }
    for (let elements = reader.count('elements'); elements > 0; elements--) {
      if (expressions) walk.constantExpression(reader);
      else walk.functionIndex(reader, true);
    }
  }
}

function readGlobals(walk: Walk): readonly number[] {
  const reader = walk.section(sectionId.global);
  if (reader === undefined) return [];
  return Array.from({ length: reader.count('globals', 3) }, () => {
    const type = walk.valueType(reader);
    reader.skip(1, 'a mutability');
    walk.constantExpression(reader);
    return type;
  });
}

function readTables(walk: Walk): void {
  const reader = walk.section(sectionId.table);
  if (reader === undefined) return;
  for (let left = reader.count('tables', 2); left > 0; left--) {
    const initialised = reader.peek('a table') === 0x40;
    if (initialised) reader.skip(2, 'a table');
    walk.valueType(reader);
    readLimits(reader, 'table');
    if (initialised) walk.constantExpression(reader);
  }
}

function readExports(walk: Walk): void {
  const reader = walk.section(sectionId.export);
  if (reader === undefined) return;
  for (let left = reader.count('exports', 3); left > 0; left--) {
    reader.name('the name of an export');
    const kind = reader.u8('an export kind');
    if (kind === callsFunction) walk.functionIndex(reader, false);
    else {
      reader.u32('an export index');
      // Others may fill the table.
      if (kind === 1) walk.foreignReferences = true;
    }
  }
}

function readBodies(walk: Walk): readonly Body[] {
  const reader = walk.section(sectionId.code);
  if (reader === undefined) return [];
  return Array.from({ length: reader.count('function bodies', 2) }, () => {
    const sizeStart = reader.offset;
    const { offset, end } = reader.stretch(reader.u32('size of a function body'), 'a function body');
    return { sizeStart, start: offset, end };
  });
}

function readDataSegments(walk: Walk): readonly number[] {
  const reader = walk.section(sectionId.data);
  if (reader === undefined) return [];
  return Array.from({ length: reader.count('data segments') }, () => {
    const flags = reader.u32('segment flags');
    if (flags === 2) reader.u32('a memory index');
    if (flags !== 1) walk.constantExpression(reader);
    const length = reader.u32('size of a data segment');
    reader.skip(length, 'a data segment');
    return length;
  });
}

/**
 * Reads the functions of a module that V8 finds valid.
 * @throws NotShareable
 */
export function readFunctions(bytes: Uint8Array, { sections }: ModuleOutline): ModuleFunctions {
  const walk = new Walk(bytes, sections);
  const kindOfType = readTypes(walk);
  const kinds: number[] = [];
  readImports(walk, kindOfType, kinds);
  const imported = kinds.length;
  const declared = walk.section(sectionId.function);
  for (let left = declared?.count('functions') ?? 0; left > 0; left--) kinds.push(kindOfType[declared!.u32('a type index')]!);
  readTables(walk);
  const globals = readGlobals(walk);
  readExports(walk);
  if (globals.some((type) => !numericTypes.has(type) && type !== externReference)) walk.foreignReferences = true;
  const startReader = walk.section(sectionId.start);
  const start = startReader?.u32('a function index');
  readElements(walk);
  const dataSegments = readDataSegments(walk);
  return {
    imported, kinds, kindOfType, bodies: readBodies(walk), referenced: walk.referenced, foreignReferences: walk.foreignReferences, dataSegments,
    ...(start === undefined ? {} : { start }),
    redirected: (moved) => walk.placesOf(imported).map((place) => ({ ...place, bytes: new BinaryWriter(8).u32(moved).written })),
  };
}
