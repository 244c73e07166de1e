import { WasmletError } from '../../api/errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** V8 refuses longer names; so does this reader, before it decodes them. */
const longestName = 100_000;

/** What is wrong with a module, where: always `MODULE_MALFORMED`. `offset` counts from the first byte of the file. */
export function malformed(message: string, offset: number, cause?: unknown): WasmletError {
  return new WasmletError('MODULE_MALFORMED', `malformed Wasm: ${message} (offset 0x${offset.toString(16)})`, { cause });
}

/**
 * Reads the primitives of the WebAssembly binary format (core spec 3.0, §5.2) from a stretch of a file. Nothing is ever
 * read past the stretch's end, whatever the lengths and counts in the file say; every failure is `MODULE_MALFORMED`.
 */
export class BinaryReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  #offset: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.end = end;
    this.#offset = start;
  }

  /** From the first byte of the file. */
  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.end - this.#offset;
  }

  peek(what: string): number {
    if (this.#offset >= this.end) throw this.#short(what);
    return this.bytes[this.#offset]!;
  }

  u8(what: string): number {
    if (this.#offset >= this.end) throw this.#short(what);
    return this.bytes[this.#offset++]!;
  }

  /** An unsigned LEB128 of at most 32 bits. */
  u32(what: string): number {
    // Nearly all are one byte; the walk over a large module is mostly this line.
    if (this.#offset < this.end && this.bytes[this.#offset]! < 0x80) return this.bytes[this.#offset++]!;
    return this.#longU32(what);
  }

  /** An unsigned LEB128 of at most 64 bits. */
  u64(what: string): bigint {
    const start = this.#offset;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.u8(what);
      if (shift === 63n && byte > 1) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed(`${what} is not a 64-bit number`, start);
  }

  /** Passes over a LEB128, signed or not, of at most `bits` bits. */
  skipLeb(bits: 32 | 33 | 64, what: string): void {
    const last = Math.min(this.end, this.#offset + (bits === 64 ? 10 : 5));
    for (let offset = this.#offset; offset < last; offset++) {
      if (this.bytes[offset]! >= 0x80) continue;
      this.#offset = offset + 1;
      return;
    }
    throw last === this.end ? this.#short(what) : malformed(`${what} is not a ${bits}-bit number`, this.#offset);
  }

  skip(length: number, what: string): void {
    if (length > this.remaining) throw this.#short(what);
    this.#offset += length;
  }

  /** How many items follow; refused when the stretch cannot hold so many of `itemBytes` bytes each. */
  count(what: string, itemBytes = 1): number {
    const start = this.#offset;
    const count = this.u32(`number of ${what}`);
    if (count * itemBytes > this.remaining) throw malformed(`${count} ${what} do not fit into ${this.remaining} bytes`, start);
    return count;
  }

  /** A vector of bytes in UTF-8. */
  name(what: string): string {
    const start = this.#offset;
    const length = this.u32(`length of ${what}`);
    if (length > longestName) throw malformed(`${what} is ${length} bytes long, ${longestName} are allowed`, start);
    const from = this.#offset;
    this.skip(length, what);
    try {
      return utf8.decode(this.bytes.subarray(from, from + length));
    } catch (error) {
      throw malformed(`${what} is not valid UTF-8`, from, error);
    }
  }

  /** The next `length` bytes as a reader of their own, passed over here. */
  stretch(length: number, what: string): BinaryReader {
    const from = this.#offset;
    this.skip(length, what);
    return new BinaryReader(this.bytes, from, from + length);
  }

  /** To be called when all items of a section have been read. */
  expectEnd(what: string): void {
    if (this.remaining > 0) throw malformed(`${this.remaining} bytes left over at the end of ${what}`, this.#offset);
  }

  #longU32(what: string): number {
    const start = this.#offset;
    let value = 0;
    for (let factor = 1; factor <= 0x1000_0000; factor *= 0x80) {
      const byte = this.u8(what);
      if (factor === 0x1000_0000 && byte > 0x0f) break;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw malformed(`${what} is not a 32-bit number`, start);
  }

  #short(what: string): WasmletError {
    return malformed(`the file or section ends in ${what}`, this.#offset);
  }
}
