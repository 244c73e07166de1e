import { FileError } from '../files/file-error.ts';

const nothing = new Uint8Array(0);
/** Linux' limits for one vectored call (UIO_MAXIOV, MAX_RW_COUNT): what a guest may make us do in one go is bounded. */
const maximumVectors = 1024;
const maximumTransfer = 0x7fff_f000;

/** Fatal: WASI's paths are UTF-8 and anything else is EILSEQ. The BOM is an ordinary character of a name. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The guest's linear memory with every access checked: a pointer or length that lies ends in EFAULT, never in a thrown
 * RangeError. Growth detaches the old buffer, whose views then have length 0, so that the bounds check alone notices it.
 */
export class GuestMemory {
  readonly #onSize: (bytes: number) => void;
  #memory: WebAssembly.Memory | undefined;
  #bytes = nothing;
  #view = new DataView(nothing.buffer);

  /** `onSize` hears the memory's size in bytes at binding and whenever growth has been noticed. */
  constructor(onSize: (bytes: number) => void) {
    this.#onSize = onSize;
  }

  /** Before it, as in a start section, every access is EFAULT. */
  bind(memory: WebAssembly.Memory): void {
    this.#memory = memory;
    this.#refresh();
  }

  /** False in a start section. */
  get bound(): boolean {
    return this.#memory !== undefined;
  }

  /** The bytes at `pointer`, not copied. Do not keep it across a wait: growth detaches it. */
  bytes(pointer: number, length: number): Uint8Array {
    const start = this.#check(pointer, length >>> 0);
    return length === 0 ? nothing : this.#bytes.subarray(start, start + (length >>> 0));
  }

  /** Throws EFAULT unless `length` bytes at `pointer` exist. For results that are written after an effect. */
  check(pointer: number, length: number): void {
    this.#check(pointer, length);
  }

  u8(pointer: number): number {
    const at = this.#check(pointer, 1);
    return this.#view.getUint8(at);
  }

  u16(pointer: number): number {
    const at = this.#check(pointer, 2);
    return this.#view.getUint16(at, true);
  }

  u32(pointer: number): number {
    const at = this.#check(pointer, 4);
    return this.#view.getUint32(at, true);
  }

  u64(pointer: number): bigint {
    const at = this.#check(pointer, 8);
    return this.#view.getBigUint64(at, true);
  }

  setU8(pointer: number, value: number): void {
    const at = this.#check(pointer, 1);
    this.#view.setUint8(at, value);
  }

  setU16(pointer: number, value: number): void {
    const at = this.#check(pointer, 2);
    this.#view.setUint16(at, value, true);
  }

  setU32(pointer: number, value: number): void {
    const at = this.#check(pointer, 4);
    this.#view.setUint32(at, value, true);
  }

  setU64(pointer: number, value: bigint): void {
    const at = this.#check(pointer, 8);
    this.#view.setBigUint64(at, value, true);
  }

  /** A view of the memory in which `length` bytes at `pointer` exist. Do not keep it: growth detaches it. */
  viewOf(pointer: number, length: number): DataView {
    this.#check(pointer, length);
    return this.#view;
  }

  /** UTF-8 text; EILSEQ when it is not. `limit` in bytes is the longest accepted (ENAMETOOLONG). */
  text(pointer: number, length: number, limit: number): string {
    const bytes = this.bytes(pointer, length);
    if (bytes.length > limit) throw new FileError('ENAMETOOLONG');
    try {
      return utf8.decode(bytes);
    } catch {
      throw new FileError('EILSEQ');
    }
  }

  /** The bytes that an array of `count` iovecs (pointer and length, u32 each) names, checked whole. */
  vectorLength(vectors: number, count: number): number {
    if (count >>> 0 > maximumVectors) throw new FileError('EINVAL');
    let total = 0;
    for (let index = 0; index < count; index++) {
      const vector = (vectors >>> 0) + 8 * index;
      const length = this.u32(vector + 4);
      this.#check(this.u32(vector), length);
      total += length;
    }
    if (total > maximumTransfer) throw new FileError('EINVAL');
    return total;
  }

  /** The part of the iovecs' concatenation that begins at `skip`, as far as it lies in one piece. Empty at the end. */
  vectorPiece(vectors: number, count: number, skip: number): Uint8Array {
    let remaining = skip;
    for (let index = 0; index < count; index++) {
      const vector = (vectors >>> 0) + 8 * index;
      const length = this.u32(vector + 4);
      if (remaining < length) return this.bytes(this.u32(vector) + remaining, length - remaining);
      remaining -= length;
    }
    return nothing;
  }

  #check(pointer: number, length: number): number {
    const at = pointer >>> 0;
    if (at + length > this.#bytes.length) this.#refreshed(at + length);
    return at;
  }

  #refreshed(end: number): void {
    if (this.#memory !== undefined && this.#memory.buffer !== this.#bytes.buffer) this.#refresh();
    if (end > this.#bytes.length) throw new FileError('EFAULT');
  }

  #refresh(): void {
    const buffer = (this.#memory as WebAssembly.Memory).buffer;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#onSize(buffer.byteLength);
  }
}
