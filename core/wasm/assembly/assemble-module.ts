import { BinaryReader } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { preambleBytes } from '../binary/preamble.ts';
import { sectionId, sectionOrder } from '../binary/sections.ts';
import type { Section } from '../binary/sections.ts';
import { spliced } from '../binary/splice.ts';
import type { Splice } from '../binary/splice.ts';

/** What is appended to a section, which is made when the module lacks it. */
export interface Addition {
  /** By how many items the section grows: what a splice took out of it and `bytes` bring back does not count. */
  readonly items: number;
  readonly bytes: Uint8Array;
}

const nothing = new Uint8Array();

export interface CustomSection {
  readonly name: string;
  readonly content: Uint8Array;
}

/** What becomes of a module's sections. */
export interface Changes {
  readonly splices: readonly Splice[];
  readonly additions: ReadonlyMap<number, Addition>;
  /** Ids of sections that are left out. */
  readonly removed?: ReadonlySet<number>;
  /** A custom section in front of the code. */
  readonly beforeCode?: CustomSection;
  /** Custom sections at the end. */
  readonly atEnd?: readonly CustomSection[];
}

/** Both additions to one section. */
export function together(first: Addition | undefined, second: Addition | undefined): Addition {
  return { items: (first?.items ?? 0) + (second?.items ?? 0), bytes: new BinaryWriter(128).raw(first?.bytes ?? nothing).raw(second?.bytes ?? nothing).written };
}

/** The name of a custom section. */
export function customSectionName(section: Section, bytes: Uint8Array): string {
  return new BinaryReader(bytes, section.start, section.end).name('the name of a custom section');
}

/** Custom sections that hold offsets into the code, which are wrong once it has moved. */
function pointsIntoCode(section: Section, bytes: Uint8Array): boolean {
  if (section.id !== sectionId.custom) return false;
  return /^(\.debug_|reloc\.|sourceMappingURL$|metadata\.code\.|external_debug_info$)/.test(customSectionName(section, bytes));
}

function addTo(section: Section, bytes: Uint8Array, { items, bytes: added }: Addition): readonly [Splice, Splice] {
  const reader = new BinaryReader(bytes, section.start, section.end);
  const count = reader.u32('number of items');
  return [
    { start: section.start, end: reader.offset, bytes: new BinaryWriter(8).u32(count + items).written },
    { start: section.end, end: section.end, bytes: added },
  ];
}

/** Puts a module together from its sections, with what is replaced, appended and left out. The splices are in order. */
export function assembleModule(bytes: Uint8Array, sections: readonly Section[], changes: Changes): Uint8Array {
  const { splices, additions, removed, beforeCode, atEnd = [] } = changes;
  const writer = new BinaryWriter(bytes.length + (bytes.length >> 3) + 1024).raw(bytes.subarray(0, preambleBytes));
  const missing = sectionOrder.filter((id) => additions.has(id) && !sections.some((section) => section.id === id));
  const writeCustom = ({ name, content }: CustomSection): void => void writer.u8(sectionId.custom).sized(new BinaryWriter().name(name).raw(content).written);
  const writeMissing = (before: number): void => {
    while (missing.length > 0 && sectionOrder.indexOf(missing[0]!) < before) {
      const id = missing.shift()!;
      if (id === sectionId.code && beforeCode !== undefined) writeCustom(beforeCode);
      const { items, bytes: added } = additions.get(id)!;
      writer.u8(id).sized(new BinaryWriter().u32(items).raw(added).written);
    }
  };
  let next = 0;
  for (const section of sections) {
    if (section.id !== sectionId.custom) writeMissing(sectionOrder.indexOf(section.id));
    const from = next;
    while (next < splices.length && splices[next]!.start < section.end) next++;
    if (removed?.has(section.id) === true) continue;
    if (section.id === sectionId.custom && additions.has(sectionId.code) && pointsIntoCode(section, bytes)) continue;
    if (section.id === sectionId.code && beforeCode !== undefined) writeCustom(beforeCode);
    const inside = splices.slice(from, next);
    const addition = additions.get(section.id);
    const [count, tail] = addition === undefined ? [] : addTo(section, bytes, addition);
    const all = count === undefined || tail === undefined ? inside : [count, ...inside, tail];
    writer.u8(section.id).sized(spliced(bytes, section.start, section.end, all));
  }
  writeMissing(Number.POSITIVE_INFINITY);
  atEnd.forEach(writeCustom);
  return writer.written;
}
