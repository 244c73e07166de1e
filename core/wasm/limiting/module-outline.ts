import { BinaryReader, malformed } from '../binary/binary-reader.ts';
import { readLimits } from '../binary/limits.ts';
import type { Limits } from '../binary/limits.ts';
import { preambleBytes, readPreamble } from '../binary/preamble.ts';
import { readSections, sectionId } from '../binary/sections.ts';
import type { Section } from '../binary/sections.ts';
import { readTable, readTableType } from '../binary/tables.ts';
import { readTypeSection, skipValueType } from '../binary/types.ts';

/** A memory or table, and where in the file its limits stand. */
export interface Sized {
  readonly limits: Limits;
  readonly start: number;
  readonly end: number;
  readonly imported: boolean;
  /** Of a table: its elements' type, as it stands in the file. */
  readonly elementType?: Uint8Array;
}

/** What rewriting a module needs to know of it. The sizes of index spaces include imports. */
export interface ModuleOutline {
  readonly sections: readonly Section[];
  readonly types: number;
  /** `TypeSummary.arrays`. */
  readonly arrays: ReadonlyMap<number, number>;
  readonly importedFunctions: number;
  readonly functions: number;
  readonly globals: number;
  readonly memories: readonly Sized[];
  readonly tables: readonly Sized[];
  readonly importModules: ReadonlySet<string>;
  readonly exportNames: ReadonlySet<string>;
}

function readMemory(reader: BinaryReader, imported: boolean): Sized {
  const start = reader.offset;
  const limits = readLimits(reader, 'memory');
  return { limits, start, end: reader.offset, imported };
}

/** Reads the outline of a core module. Throws `MODULE_MALFORMED`. */
export function outlineOf(bytes: Uint8Array): ModuleOutline {
  if (readPreamble(bytes) !== 'module') throw malformed('a component stands where a core module is expected', 0);
  const sections = [...readSections(new BinaryReader(bytes, preambleBytes))];
  const memories: Sized[] = [];
  const tables: Sized[] = [];
  const importModules = new Set<string>();
  const exportNames = new Set<string>();
  let types = 0;
  let arrays: ReadonlyMap<number, number> = new Map();
  let importedFunctions = 0;
  let definedFunctions = 0;
  let globals = 0;

  const readImport = (reader: BinaryReader): void => {
    importModules.add(reader.name('the module name of an import'));
    reader.name('the name of an import');
    const at = reader.offset;
    const kind = reader.u8('an import kind');
    if (kind === 0) {
      importedFunctions++;
      reader.u32('a type index');
    } else if (kind === 1) {
      tables.push({ ...readTableType(reader), imported: true });
    } else if (kind === 2) memories.push(readMemory(reader, true));
    else if (kind === 3) {
      globals++;
      skipValueType(reader);
      reader.u8('a mutability');
    } else if (kind === 4) {
      reader.u8('a tag attribute');
      reader.u32('a type index');
    } else throw malformed(`import kind ${kind} is unknown`, at);
  };

  for (const { id, reader } of sections) {
    if (id === sectionId.type) ({ count: types, arrays } = readTypeSection(reader));
    else if (id === sectionId.import) for (let left = reader.count('imports', 4); left > 0; left--) readImport(reader);
    else if (id === sectionId.function) definedFunctions = reader.count('functions');
    else if (id === sectionId.table) for (let left = reader.count('tables', 2); left > 0; left--) tables.push({ ...readTable(reader), imported: false });
    else if (id === sectionId.memory) for (let left = reader.count('memories', 2); left > 0; left--) memories.push(readMemory(reader, false));
    else if (id === sectionId.global) globals += reader.count('globals', 3);
    else if (id === sectionId.export) {
      for (let left = reader.count('exports', 3); left > 0; left--) {
        exportNames.add(reader.name('the name of an export'));
        reader.skip(1, 'an export kind');
        reader.u32('an export index');
      }
    }
  }
  return { sections, types, arrays, importedFunctions, functions: importedFunctions + definedFunctions, globals, memories, tables, importModules, exportNames };
}
