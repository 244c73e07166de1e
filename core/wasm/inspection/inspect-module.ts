import type { ExternKind, MemoryType, ModuleExport, ModuleImport, ModuleInspection } from '../../api/artifact.ts';
import { BinaryReader, malformed } from '../binary/binary-reader.ts';
import { pageBytes, readLimits } from '../binary/limits.ts';
import type { Limits } from '../binary/limits.ts';
import { preambleBytes } from '../binary/preamble.ts';
import { readSections, sectionId } from '../binary/sections.ts';
import { readTable, readTableType } from '../binary/tables.ts';
import { readTypeSection, skipValueType } from '../binary/types.ts';
import { whyNotShareable } from '../why-not-shareable.ts';

const externKinds: readonly ExternKind[] = ['func', 'table', 'memory', 'global', 'tag'];

function memoryType(limits: Limits, imported: boolean): MemoryType {
  return {
    minimumBytes: Number(limits.minimum * pageBytes(limits)),
    ...(limits.maximum === undefined ? {} : { maximumBytes: Number(limits.maximum * pageBytes(limits)) }),
    shared: limits.shared,
    is64: limits.is64,
    imported,
  };
}

function readExternKind(reader: BinaryReader, what: string): ExternKind {
  const at = reader.offset;
  const byte = reader.u8(what);
  const kind = externKinds[byte];
  if (kind === undefined) throw malformed(`${what} ${byte} is unknown`, at);
  return kind;
}

/** Reads a core module (core spec 3.0, §5.5) that lies between `start` and `end` of the bytes. */
export function inspectModule(bytes: Uint8Array, start = 0, end = bytes.length): ModuleInspection {
  const imports: ModuleImport[] = [];
  const exports: ModuleExport[] = [];
  const memories: { readonly limits: Limits; readonly imported: boolean }[] = [];
  const tables: Limits[] = [];
  let hasStart = false;
  let gc = false;

  const readImport = (reader: BinaryReader): void => {
    const module = reader.name('the module name of an import');
    const name = reader.name(`the name of an import from ${JSON.stringify(module)}`);
    const kind = readExternKind(reader, 'an import kind');
    if (kind === 'func') reader.u32('a type index');
    else if (kind === 'memory') memories.push({ limits: readLimits(reader, 'memory'), imported: true });
    else if (kind === 'table') {
      const table = readTableType(reader);
      gc = table.gc || gc;
      tables.push(table.limits);
    } else if (kind === 'global') {
      gc = skipValueType(reader) || gc;
      reader.u8('a mutability');
    } else {
      reader.u8('a tag attribute');
      reader.u32('a type index');
    }
    imports.push({ module, name, kind });
  };

  for (const { id, reader } of readSections(new BinaryReader(bytes, start + preambleBytes, end))) {
    if (id === sectionId.type) gc = readTypeSection(reader).gc || gc;
    else if (id === sectionId.import) {
      for (let left = reader.count('imports', 4); left > 0; left--) readImport(reader);
      reader.expectEnd('the import section');
    } else if (id === sectionId.table) {
      for (let left = reader.count('tables', 2); left > 0; left--) {
        const table = readTable(reader);
        gc = table.gc || gc;
        tables.push(table.limits);
      }
      reader.expectEnd('the table section');
    } else if (id === sectionId.memory) {
      for (let left = reader.count('memories', 2); left > 0; left--) memories.push({ limits: readLimits(reader, 'memory'), imported: false });
      reader.expectEnd('the memory section');
    } else if (id === sectionId.export) {
      for (let left = reader.count('exports', 3); left > 0; left--) {
        const name = reader.name('the name of an export');
        exports.push({ name, kind: readExternKind(reader, 'an export kind') });
        reader.u32('an export index');
      }
      reader.expectEnd('the export section');
    } else if (id === sectionId.start) hasStart = true;
    else if (id === sectionId.custom) reader.name('the name of a custom section');
  }
  const notShareable = whyNotShareable(memories, tables) ?? (gc ? 'it declares types of the GC proposal, whose objects no limit of a guest bounds' : undefined);
  return {
    kind: 'module', imports, exports, memories: memories.map(({ limits, imported }) => memoryType(limits, imported)), start: hasStart, gc,
    ...(notShareable === undefined ? {} : { notShareable }),
  };
}
