const utf8 = new TextEncoder();
/** Up to here a loop is faster than `set`. */
const shortBytes = 48;

/** Writes the primitives of the WebAssembly binary format (core spec 3.0, §5.2) into bytes that grow as needed. */
export class BinaryWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

  u8(...bytes: number[]): this {
    return this.raw(bytes);
  }

  /** An unsigned LEB128. */
  u32(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }

  /** An unsigned LEB128. */
  u64(value: bigint): this {
    let rest = value;
    while (rest >= 0x80n) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.u8(Number(rest));
  }

  /** A signed LEB128. */
  s64(value: bigint): this {
    let rest = value;
    while (rest < -0x40n || rest >= 0x40n) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.u8(Number(rest & 0x7fn));
  }

  raw(bytes: ArrayLike<number>): this {
    this.#reserve(bytes.length);
    if (bytes.length > shortBytes) this.#bytes.set(bytes, this.#length);
    else for (let at = 0; at < bytes.length; at++) this.#bytes[this.#length + at] = bytes[at]!;
    this.#length += bytes.length;
    return this;
  }

  /** The bytes from `start` to `end`. */
  range(bytes: Uint8Array, start: number, end: number): this {
    if (end - start > shortBytes) return this.raw(bytes.subarray(start, end));
    this.#reserve(end - start);
    for (let at = start; at < end; at++) this.#bytes[this.#length++] = bytes[at]!;
    return this;
  }

  #reserve(length: number): void {
    const needed = this.#length + length;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  /** A vector of bytes: its length, then the bytes. */
  sized(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes);
  }

  name(name: string): this {
    return this.sized(utf8.encode(name));
  }

  /** What has been written; valid until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
