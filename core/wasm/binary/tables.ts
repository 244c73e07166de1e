import type { BinaryReader } from './binary-reader.ts';
import { skipConstantExpression } from './instructions.ts';
import { readLimits } from './limits.ts';
import type { Limits } from './limits.ts';
import { skipValueType } from './types.ts';

/** A `tabletype` (core spec 3.0, §5.3.16), and where in the file its limits stand. */
export interface TableType {
  readonly limits: Limits;
  readonly start: number;
  readonly end: number;
  /** As it stands in the file. */
  readonly elementType: Uint8Array;
  /** Its elements are of the GC proposal. */
  readonly gc: boolean;
}

export function readTableType(reader: BinaryReader): TableType {
  const first = reader.offset;
  const gc = skipValueType(reader);
  const start = reader.offset;
  const limits = readLimits(reader, 'table');
  return { limits, start, end: reader.offset, elementType: reader.bytes.subarray(first, start), gc };
}

/** One `table` of the table section (§5.5.7). */
export function readTable(reader: BinaryReader): TableType {
  // 0x40 0x00: a table with an expression that initialises its elements.
  const initialised = reader.peek('a table') === 0x40;
  if (initialised) reader.skip(2, 'a table');
  const table = readTableType(reader);
  if (initialised) skipConstantExpression(reader);
  return table;
}
