import { byteRingHeaderBytes, byteRingWord } from '../protocol.ts';
import { reserveShared } from './reserve-shared.ts';

const word = byteRingWord;
/** Values of `byteRingWord.closed`. */
const [open, ended, reset] = [0, 1, 2];

class Ring {
  readonly words: Int32Array;
  readonly data: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, byteRingHeaderBytes / 4);
    const size = memory.byteLength - byteRingHeaderBytes;
    if (size <= 0 || (size & (size - 1)) !== 0) throw new RangeError(`a ring of ${size} bytes is not a power of two`);
    this.data = new Uint8Array(memory, byteRingHeaderBytes, size);
  }

  used(): number {
    return (Atomics.load(this.words, word.tail) - Atomics.load(this.words, word.head)) >>> 0;
  }

  offset(position: number): number {
    return position & (this.data.length - 1);
  }

  is(index: number): boolean {
    return Atomics.load(this.words, index) !== 0;
  }
}

/** The memory of a ring that holds `bytes`, a power of two. */
export function createByteRing(bytes: number): SharedArrayBuffer {
  return reserveShared(byteRingHeaderBytes + bytes);
}

/**
 * The producing end of a stream of plain bytes between the main thread and a guest's: a container's stdin, either
 * direction of a connection. One producer.
 */
export class ByteRingWriter {
  readonly #ring: Ring;
  readonly #ringDoorbell: () => void;

  /** `ringDoorbell` tells the consumer that it is worth looking; it is called only when that is news since it last looked. */
  constructor(memory: SharedArrayBuffer, ringDoorbell: () => void) {
    this.#ring = new Ring(memory);
    this.#ringDoorbell = ringDoorbell;
  }

  /** Space for so many bytes; -1 when nobody will read them. With 0, the consumer rings when there is space again. */
  writable(): number {
    const ring = this.#ring;
    if (ring.is(word.abandoned)) return -1;
    // Asked for before looking: a consumer that reads in between rings once too often, never too little.
    Atomics.store(ring.words, word.wantsSpace, 1);
    const space = ring.data.length - ring.used();
    if (space > 0) Atomics.store(ring.words, word.wantsSpace, 0);
    return space;
  }

  /** Copies what fits and answers how many bytes that were. With 0, the consumer rings when there is space again. */
  write(bytes: Uint8Array): number {
    const ring = this.#ring;
    const count = Math.min(bytes.length, this.writable());
    if (count <= 0) return 0;
    const tail = Atomics.load(ring.words, word.tail);
    const start = ring.offset(tail);
    const first = Math.min(count, ring.data.length - start);
    ring.data.set(bytes.subarray(0, first), start);
    ring.data.set(bytes.subarray(first, count), 0);
    Atomics.store(ring.words, word.tail, (tail + count) | 0);
    if (Atomics.exchange(ring.words, word.told, 1) === 0) this.#ringDoorbell();
    return count;
  }

  /** No more bytes will come: after those written, the consumer reads the end. */
  close(): void {
    this.#close(ended);
  }

  /** As `close`, but the consumer learns that the stream was cut, not ended. */
  reset(): void {
    this.#close(reset);
  }

  get closed(): boolean {
    return this.#ring.is(word.closed);
  }

  #close(how: number): void {
    if (Atomics.compareExchange(this.#ring.words, word.closed, open, how) === open) this.#ringDoorbell();
  }
}

/** The consuming end. One consumer. */
export class ByteRingReader {
  readonly #ring: Ring;
  readonly #ringDoorbell: () => void;

  /**
   * `ringDoorbell` tells the producer that there is space; it is called only when the producer waits for that, and not before
   * half of the ring is free, so that a reader of single bytes does not ring for each.
   */
  constructor(memory: SharedArrayBuffer, ringDoorbell: () => void) {
    this.#ring = new Ring(memory);
    this.#ringDoorbell = ringDoorbell;
  }

  /** Bytes that `read` would give now; -1 at the end. Asks to be told of later ones: look here before every wait. */
  readable(): number {
    const ring = this.#ring;
    Atomics.store(ring.words, word.told, 0);
    // The flag first: bytes written before closing are counted then.
    const closed = ring.is(word.closed);
    const used = ring.used();
    return used === 0 && closed ? -1 : used;
  }

  /** True when the end is not the producer's but a cut connection's. */
  get reset(): boolean {
    return Atomics.load(this.#ring.words, word.closed) === reset;
  }

  /** Moves at most `target.length` bytes and answers how many. */
  read(target: Uint8Array): number {
    const count = this.peek(target);
    if (count === 0) return 0;
    const { words, data } = this.#ring;
    Atomics.store(words, word.head, (Atomics.load(words, word.head) + count) | 0);
    if (this.#ring.used() <= data.length / 2 && Atomics.exchange(words, word.wantsSpace, 0) === 1) this.#ringDoorbell();
    return count;
  }

  /** As `read`, but the bytes stay. */
  peek(target: Uint8Array): number {
    const ring = this.#ring;
    const count = Math.min(target.length, ring.used());
    const start = ring.offset(Atomics.load(ring.words, word.head));
    const first = Math.min(count, ring.data.length - start);
    target.set(ring.data.subarray(start, start + first));
    target.set(ring.data.subarray(0, count - first), first);
    return count;
  }

  /** Nothing more will be read: the producer is told, and need not write. */
  abandon(): void {
    if (Atomics.exchange(this.#ring.words, word.abandoned, 1) === 0) this.#ringDoorbell();
  }
}
