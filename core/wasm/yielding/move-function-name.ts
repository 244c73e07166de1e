import { customSectionName } from '../assembly/assemble-module.ts';
import { BinaryReader } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { sectionId } from '../binary/sections.ts';
import type { Section } from '../binary/sections.ts';
import type { Splice } from '../binary/splice.ts';

/** Subsection of function names (core spec, appendix "Name Section"). */
const functionNames = 1;

/**
 * Gives the name of function `from` to function `to`, which has the highest index, so that traps still say where they were.
 * Undefined when there is nothing to move, or nothing that can be read: names have no meaning for the module itself.
 */
export function moveFunctionName(bytes: Uint8Array, sections: readonly Section[], from: number, to: number): Splice | undefined {
  try {
    for (const section of sections) {
      if (section.id === sectionId.custom && customSectionName(section, bytes) === 'name') return moved(bytes, section, from, to);
    }
    return undefined;
  } catch {
    return undefined;
  }
}

function moved(bytes: Uint8Array, section: Section, from: number, to: number): Splice | undefined {
  const reader = new BinaryReader(bytes, section.start, section.end);
  reader.skip(reader.u32('length of a name'), 'the name of a custom section');
  while (reader.remaining > 0) {
    const start = reader.offset;
    const id = reader.u8('a subsection');
    const content = reader.stretch(reader.u32('size of a subsection'), 'a subsection');
    if (id !== functionNames) continue;
    const count = content.u32('number of names');
    const first = content.offset;
    for (let left = count; left > 0; left--) {
      const entry = content.offset;
      const index = content.u32('a function index');
      const name = content.offset;
      content.skip(content.u32('length of a name'), 'a name');
      if (index < from) continue;
      if (index > from) return undefined;
      const names = new BinaryWriter(content.end - first + 16).u32(count)
        .raw(bytes.subarray(first, entry)).raw(bytes.subarray(content.offset, content.end)).u32(to).raw(bytes.subarray(name, content.offset));
      return { start, end: reader.offset, bytes: new BinaryWriter(content.end - first + 32).u8(functionNames).sized(names.written).written };
    }
    return undefined;
  }
  return undefined;
}
