import { ringHeaderBytes, ringWord } from './protocol.ts';

class Ring {
  readonly words: Int32Array;
  readonly data: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, ringHeaderBytes / 4);
    this.data = new Uint8Array(memory, ringHeaderBytes);
    const size = this.data.length;
    if (size === 0 || (size & (size - 1)) !== 0) throw new RangeError(`a ring of ${size} bytes is not a power of two`);
  }

  used(): number {
    return (Atomics.load(this.words, ringWord.tail) - Atomics.load(this.words, ringWord.head)) >>> 0;
  }

  offset(position: number): number {
    return position & (this.data.length - 1);
  }
}

/** The main thread's end of a container's stdin: one producer of plain bytes. */
export class InputRingWriter {
  readonly #ring: Ring;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new Ring(memory);
  }

  /** Copies what fits and answers how many bytes that were. With 0, the guest rings when there is space again. */
  write(bytes: Uint8Array): number {
    const ring = this.#ring;
    // Asked for before looking: a guest that reads in between rings once too often, never too little.
    Atomics.store(ring.words, ringWord.flag, 1);
    const count = Math.min(bytes.length, ring.data.length - ring.used());
    if (count === 0) return 0;
    Atomics.store(ring.words, ringWord.flag, 0);
    const tail = Atomics.load(ring.words, ringWord.tail);
    const start = ring.offset(tail);
    const first = Math.min(count, ring.data.length - start);
    ring.data.set(bytes.subarray(0, first), start);
    ring.data.set(bytes.subarray(first, count), 0);
    Atomics.store(ring.words, ringWord.tail, (tail + count) | 0);
    return count;
  }

  /** No more bytes will come: after those written, the guest reads the end of the file. */
  close(): void {
    Atomics.store(this.#ring.words, ringWord.closed, 1);
  }
}

/** The guest's end of its stdin: one consumer. */
export class InputRingReader {
  readonly #ring: Ring;
  readonly #ringDoorbell: () => void;

  /** `ringDoorbell` tells the producer that there is space; it is called only when the producer waits for that. */
  constructor(memory: SharedArrayBuffer, ringDoorbell: () => void) {
    this.#ring = new Ring(memory);
    this.#ringDoorbell = ringDoorbell;
  }

  /** Bytes that `read` would give now; -1 at the end. */
  readable(): number {
    // The flag first: bytes written before closing are counted then.
    const closed = Atomics.load(this.#ring.words, ringWord.closed) === 1;
    const used = this.#ring.used();
    return used === 0 && closed ? -1 : used;
  }

  /** Moves at most `target.length` bytes and answers how many. */
  read(target: Uint8Array): number {
    const ring = this.#ring;
    const count = Math.min(target.length, ring.used());
    if (count === 0) return 0;
    const head = Atomics.load(ring.words, ringWord.head);
    const start = ring.offset(head);
    const first = Math.min(count, ring.data.length - start);
    target.set(ring.data.subarray(start, start + first));
    target.set(ring.data.subarray(0, count - first), first);
    Atomics.store(ring.words, ringWord.head, (head + count) | 0);
    if (Atomics.exchange(ring.words, ringWord.flag, 0) === 1) this.#ringDoorbell();
    return count;
  }
}
