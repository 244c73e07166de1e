import { BinaryReader, malformed } from '../binary/binary-reader.ts';
import { BinaryWriter } from '../binary/binary-writer.ts';
import { miscellaneousOpcode, opcode, skipInstruction, skipLocals, u32At } from '../binary/instructions.ts';
import type { Section } from '../binary/sections.ts';
import { spliced } from '../binary/splice.ts';
import type { Splice } from '../binary/splice.ts';
import { arrayMadeBy, mostElements } from './array-lengths.ts';
import { needsStopPoint } from './stop-points.ts';

/** Appended functions that the code of a module is led to. */
export interface Redirection {
  /** What takes the place of `memory.grow`, by memory index; absent: nothing does. */
  readonly memories: ReadonlyMap<number, number>;
  /** The same for `table.grow`. */
  readonly tables: ReadonlyMap<number, number>;
  /** What is called where V8 would not see that the thread is to end (`stop-points.ts`). */
  readonly stop: number;
  /** What is called before an array is made (`array-lengths.ts`). */
  readonly length: number;
  /** `ModuleOutline.arrays`. */
  readonly arrays: ReadonlyMap<number, number>;
}

/** Splices for the code section, in order, and what they lead to. */
export interface Redirected {
  readonly splices: readonly Splice[];
  readonly grows: boolean;
  readonly stops: boolean;
}

/** Its opcode is one byte behind the first. */
const isTableGrow = (bytes: Uint8Array, start: number): boolean => bytes[start] === opcode.miscellaneous && u32At(bytes, start + 1) === miscellaneousOpcode.tableGrow;

const callOf = (target: number): Uint8Array => new BinaryWriter(8).u8(opcode.call).u32(target).written;

/**
 * Leads a code section to the appended functions. All of it is walked, so an opcode that nobody knows is found here.
 * @throws WasmletError `MODULE_MALFORMED`
 */
export function redirectCode(section: Section, bytes: Uint8Array, { memories, tables, stop, length, arrays }: Redirection): Redirected {
  const reader = new BinaryReader(bytes, section.start, section.end);
  const splices: Splice[] = [];
  let [grows, stops] = [false, false];

  const inBody = (body: BinaryReader): readonly Splice[] => {
    skipLocals(body);
    const changes: Splice[] = [];
    let before = body.offset;
    let last = -1;
    while (body.offset < body.end) {
      const start = body.offset;
      last = skipInstruction(body);
      const target = last === opcode.memoryGrow ? memories.get(u32At(bytes, start + 1)) : isTableGrow(bytes, start) ? tables.get(u32At(bytes, start + 2)) : undefined;
      if (target !== undefined) {
        // The function calls another where it stands for `table.grow`, so V8 looks there whether the thread is to end.
        changes.push({ start, end: body.offset, bytes: callOf(target) });
        grows = true;
      } else if (arrayMadeBy(bytes, start) !== undefined) {
        changes.push({ start, end: start, bytes: new BinaryWriter(16).raw(mostElements(arrays.get(arrayMadeBy(bytes, start)!) ?? 3)).raw(callOf(length)).written });
        stops = true;
      } else if (needsStopPoint(bytes, start, before)) {
        changes.push({ start, end: start, bytes: callOf(stop) });
        stops = true;
      }
      before = start;
    }
    if (last !== opcode.end) throw malformed('a function body does not end with `end`', body.end);
    return changes;
  };

  for (let left = reader.count('function bodies', 2); left > 0; left--) {
    const start = reader.offset;
    const body = reader.stretch(reader.u32('size of a function body'), 'a function body');
    const bodyStart = body.offset;
    const changes = inBody(body);
    if (changes.length === 0) continue;
    const changed = spliced(bytes, bodyStart, body.end, changes);
    splices.push({ start, end: body.end, bytes: new BinaryWriter(changed.length + 8).sized(changed).written });
  }
  reader.expectEnd('the code section');
  return { splices, grows, stops };
}
