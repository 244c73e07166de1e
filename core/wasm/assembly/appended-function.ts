import { BinaryWriter } from '../binary/binary-writer.ts';

/** A function that is appended to a module. */
export interface AppendedFunction {
  /** The type section's entry. */
  readonly type: Uint8Array;
  /** Locals and code, with the last `end`. */
  readonly body: Uint8Array;
}

/** A value type: its byte, or as it stands in a file. */
export type ValueType = number | Uint8Array;

/** The type section's entry for a function. */
export function functionType(parameters: readonly ValueType[], results: readonly ValueType[]): Uint8Array {
  const writer = new BinaryWriter().u8(0x60);
  for (const values of [parameters, results]) {
    writer.u32(values.length);
    for (const value of values) writer.raw(typeof value === 'number' ? Uint8Array.of(value) : value);
  }
  return writer.written;
}
