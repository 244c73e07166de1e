import type { BinaryReader } from './binary-reader.ts';
import { malformed } from './binary-reader.ts';

/** Section ids of a core module (core spec 3.0, §5.5.2). */
export const sectionId = {
  custom: 0, type: 1, import: 2, function: 3, table: 4, memory: 5, global: 6, export: 7, start: 8, element: 9, code: 10,
  data: 11, dataCount: 12, tag: 13,
} as const;

/** The order in which a module must have them. Custom sections may stand anywhere. */
export const sectionOrder: readonly number[] = [
  sectionId.type, sectionId.import, sectionId.function, sectionId.table, sectionId.memory, sectionId.tag, sectionId.global,
  sectionId.export, sectionId.start, sectionId.element, sectionId.dataCount, sectionId.code, sectionId.data,
];

export interface Section {
  readonly id: number;
  /** Where its content begins and ends in the file, id and size not included. */
  readonly start: number;
  readonly end: number;
  /** On the content, unread. */
  readonly reader: BinaryReader;
}

/** The sections behind the preamble, in order; each id at most once. */
export function* readSections(reader: BinaryReader): Generator<Section> {
  let last = -1;
  while (reader.remaining > 0) {
    const at = reader.offset;
    const id = reader.u8('a section id');
    const size = reader.u32('a section size');
    const content = reader.stretch(size, `section ${id} of ${size} bytes`);
    if (id !== sectionId.custom) {
      const place = sectionOrder.indexOf(id);
      if (place < 0) throw malformed(`section id ${id} is unknown`, at);
      if (place <= last) throw malformed(`section ${id} is out of order or there twice`, at);
      last = place;
    }
    yield { id, start: content.offset, end: content.end, reader: content };
  }
}
