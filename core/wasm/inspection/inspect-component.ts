import type { ComponentInspection, ModuleInspection } from '../../api/artifact.ts';
import { BinaryReader, malformed } from '../binary/binary-reader.ts';
import { worldOf } from './component-world.ts';
import { inspectModule } from './inspect-module.ts';
import { preambleBytes, readPreamble } from '../binary/preamble.ts';

/** Section ids of a component (component-model design/mvp/Binary.md); 2, 3, 5–9 and 12 hold nothing that we look at. */
const sectionId = { custom: 0, coreModule: 1, component: 4, import: 10, export: 11 } as const;
const lastSectionId = 12;

/** Components in components; tools make two or three levels. */
const deepestNesting = 32;

/** `importname'` and `exportname'`. */
function readExternName(reader: BinaryReader, what: string): string {
  const at = reader.offset;
  const form = reader.u8(what);
  if (form > 1) throw malformed(`${what} has the unknown form ${form}`, at);
  return reader.name(what);
}

/** Passes over an `externdesc`. */
function skipExternDescription(reader: BinaryReader): void {
  const at = reader.offset;
  const sort = reader.u8('an extern description');
  switch (sort) {
    case 0x00:
      reader.skip(1, 'a core sort');
      reader.u32('a core type index');
      return;
    case 0x01:
    case 0x04:
    case 0x05:
      reader.u32('a type index');
      return;
    case 0x02:
      // Bounds of a value: equal to a value index, or of a value type.
      reader.skip(1, 'a value bound');
      reader.skipLeb(33, 'a value bound');
      return;
    case 0x03:
      if (reader.u8('a type bound') === 0x00) reader.u32('a type index');
      return;
    default:
      throw malformed(`extern sort ${sort} is unknown`, at);
  }
}

function skipExportedItem(reader: BinaryReader): void {
  // Only the sort `core` (0) has a second byte.
  if (reader.u8('an export sort') === 0x00) reader.skip(1, 'a core sort');
  reader.u32('an export index');
  if (reader.u8('an export type') === 0x01) skipExternDescription(reader);
}

interface Found {
  readonly imports: string[];
  readonly exports: string[];
  readonly coreModules: ModuleInspection[];
}

/** Nested components add their core modules; their imports and exports are their own affair. */
function readComponent(bytes: Uint8Array, start: number, end: number, depth: number, found: Found): void {
  if (depth > deepestNesting) throw malformed(`components are nested more than ${deepestNesting} deep`, start);
  if (readPreamble(bytes, start, end) !== 'component') throw malformed('a module stands where a component is declared', start);
  const sections = new BinaryReader(bytes, start + preambleBytes, end);
  while (sections.remaining > 0) {
    const at = sections.offset;
    const id = sections.u8('a section id');
    const size = sections.u32('a section size');
    const reader = sections.stretch(size, `section ${id} of ${size} bytes`);
    if (id > lastSectionId) throw malformed(`component section id ${id} is unknown`, at);
    if (id === sectionId.coreModule) {
      if (readPreamble(bytes, reader.offset, reader.end) !== 'module') throw malformed('a component stands where a core module is declared', reader.offset);
      found.coreModules.push(inspectModule(bytes, reader.offset, reader.end));
    } else if (id === sectionId.component) readComponent(bytes, reader.offset, reader.end, depth + 1, found);
    else if (id === sectionId.custom) reader.name('the name of a custom section');
    else if (depth > 0) continue;
    else if (id === sectionId.import) {
      for (let left = reader.count('imports', 4); left > 0; left--) {
        found.imports.push(readExternName(reader, 'the name of an import'));
        skipExternDescription(reader);
      }
      reader.expectEnd('the import section');
    } else if (id === sectionId.export) {
      for (let left = reader.count('exports', 5); left > 0; left--) {
        found.exports.push(readExternName(reader, 'the name of an export'));
        skipExportedItem(reader);
      }
      reader.expectEnd('the export section');
    }
  }
}

/** Reads a component (component-model design/mvp/Binary.md) with the core modules in it, in order. */
export function inspectComponent(bytes: Uint8Array): ComponentInspection {
  const found: Found = { imports: [], exports: [], coreModules: [] };
  readComponent(bytes, 0, bytes.length, 0, found);
  const world = worldOf(found.exports);
  return { kind: 'component', ...found, ...(world === undefined ? {} : { world }) };
}
