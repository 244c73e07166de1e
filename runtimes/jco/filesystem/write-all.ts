import type { RegularFile } from '../../../core/guest/files/regular-file.ts';

/** Writes every byte, at `position` or where the file ends now. Answers where to write next. @throws what the file system throws */
export function writeAll(file: RegularFile, bytes: Uint8Array, position: number | 'end'): number | 'end' {
  let at = position === 'end' ? Number(file.status().size) : position;
  for (let written = 0; written < bytes.length; ) {
    const count = file.writeAt(bytes.subarray(written), at);
    written += count;
    at += count;
  }
  return position === 'end' ? 'end' : at;
}
