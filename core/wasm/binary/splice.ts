import { BinaryWriter } from './binary-writer.ts';

/** Replaces the bytes from `start` to `end` of a file. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** The bytes from `start` to `end` with the splices applied, which lie between them, in order, and do not overlap. */
export function spliced(bytes: Uint8Array, start: number, end: number, splices: readonly Splice[]): Uint8Array {
  if (splices.length === 0) return bytes.subarray(start, end);
  const change = splices.reduce((sum, splice) => sum + splice.bytes.length - (splice.end - splice.start), 0);
  const writer = new BinaryWriter(end - start + change);
  let from = start;
  for (const splice of splices) {
    writer.range(bytes, from, splice.start).raw(splice.bytes);
    from = splice.end;
  }
  return writer.range(bytes, from, end).written;
}
