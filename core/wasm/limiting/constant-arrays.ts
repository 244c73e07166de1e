import { WasmletError } from '../../api/errors.ts';
import { BinaryReader } from '../binary/binary-reader.ts';
import { opcode, skipInstruction } from '../binary/instructions.ts';
import { sectionId } from '../binary/sections.ts';
import type { Section } from '../binary/sections.ts';
import { skipValueType } from '../binary/types.ts';
import { arrayMadeBy, log2ArrayBytes } from './array-lengths.ts';

/**
 * Arrays that constant expressions make have lengths that are written there, and are no larger than others (`array-lengths.ts`).
 * @throws WasmletError `MEMORY_OVER_LIMIT`; `MODULE_MALFORMED`
 */
export function refuseLongConstants(bytes: Uint8Array, sections: readonly Section[], arrays: ReadonlyMap<number, number>): void {
  if (arrays.size === 0) return;
  for (const { id, start, end } of sections) {
    const reader = new BinaryReader(bytes, start, end);
    const expression = (): void => readExpression(reader, arrays);
    if (id === sectionId.global) {
      for (let left = reader.count('globals', 3); left > 0; left--) {
        skipValueType(reader);
        reader.u8('a mutability');
        expression();
      }
    } else if (id === sectionId.table) {
      for (let left = reader.count('tables', 2); left > 0; left--) readTable(reader, expression);
    } else if (id === sectionId.element) {
      for (let left = reader.count('element segments'); left > 0; left--) readElements(reader, expression);
    }
  }
}

function readTable(reader: BinaryReader, expression: () => void): void {
  const initialised = reader.peek('a table') === 0x40;
  if (initialised) reader.skip(2, 'a table');
  skipValueType(reader);
  const flags = reader.u8('limits');
  for (let left = (flags & 1) + 1; left > 0; left--) reader.skipLeb(64, 'a limit');
  if (initialised) expression();
}

/** Core spec 3.0, §5.5.12. */
function readElements(reader: BinaryReader, expression: () => void): void {
  const flags = reader.u32('the flags of an element segment');
  if ((flags & 1) === 0) {
    if ((flags & 2) !== 0) reader.u32('a table index');
    expression();
  }
  const typed = (flags & 3) !== 0;
  if ((flags & 4) !== 0) {
    if (typed) skipValueType(reader);
    for (let left = reader.count('elements'); left > 0; left--) expression();
  } else {
    if (typed) reader.u8('an element kind');
    for (let left = reader.count('elements'); left > 0; left--) reader.u32('a function index');
  }
}

function readExpression(reader: BinaryReader, arrays: ReadonlyMap<number, number>): void {
  let before = reader.offset;
  for (;;) {
    const start = reader.offset;
    if (skipInstruction(reader) === opcode.end) return;
    const type = arrayMadeBy(reader.bytes, start);
    if (type !== undefined && lengthAt(reader.bytes, before) > 1 << (log2ArrayBytes - (arrays.get(type) ?? 0))) {
      throw new WasmletError('MEMORY_OVER_LIMIT', 'a constant of the module is an array of more than 8 MiB');
    }
    before = start;
  }
}

/** The value of an `i32.const`; infinite for everything else, and for what is negative. */
function lengthAt(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== opcode.i32Const) return Infinity;
  let value = 0;
  for (let next = at + 1, factor = 1; ; next++, factor *= 0x80) {
    const byte = bytes[next]!;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return byte < 0x40 ? value : Infinity;
  }
}
