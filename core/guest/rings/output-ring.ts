import { outputRecordBytes, outputRingBytes, recordHeaderBytes, ringHeaderBytes, ringWord } from '../protocol.ts';
import { reserveShared } from './reserve-shared.ts';

/** One piece of output as it stands in a ring. */
export interface OutputRecord {
  readonly container: number;
  readonly stream: 1 | 2;
  /** Milliseconds since the epoch at which the guest wrote it. */
  readonly time: number;
  /** A copy. */
  readonly bytes: Uint8Array;
}

class Ring {
  readonly words: Int32Array;
  readonly data: Uint8Array;
  readonly size: number;
  readonly #dataWords: Int32Array;
  readonly #dataLongs: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, ringHeaderBytes / 4);
    const size = memory.byteLength - ringHeaderBytes;
    if (size < recordHeaderBytes || (size & (size - 1)) !== 0) throw new RangeError(`a ring of ${size} bytes is not a power of two`);
    // With their lengths said: views of a buffer that could grow ask for its size at each access otherwise, four times as long.
    this.data = new Uint8Array(memory, ringHeaderBytes, size);
    this.#dataWords = new Int32Array(memory, ringHeaderBytes, size >>> 2);
    this.#dataLongs = new BigInt64Array(memory, ringHeaderBytes, size >>> 3);
    this.size = size;
  }

  offset(position: number): number {
    return position & (this.size - 1);
  }

  /** Headers are 8-byte aligned, so each half of one lies whole on one side of the ring's end. */
  readHeader(position: number): { length: number; tag: number; time: number } {
    const first = this.offset(position) >>> 2;
    return {
      length: (this.#dataWords[first] as number) >>> 0,
      tag: (this.#dataWords[first + 1] as number) >>> 0,
      time: Number(this.#dataLongs[this.offset(position + 8) >>> 3]) / 1e6,
    };
  }

  writeHeader(position: number, length: number, tag: number, time: bigint): void {
    const first = this.offset(position) >>> 2;
    this.#dataWords[first] = length;
    this.#dataWords[first + 1] = tag;
    this.#dataLongs[this.offset(position + 8) >>> 3] = time;
  }

  /** `position` is 8-byte aligned, so that a whole word never crosses the ring's end. */
  writePayload(position: number, source: DataView, at: number, length: number): void {
    const start = this.offset(position);
    const first = Math.min(length, this.size - start);
    if (length > shortPayload || first < length) {
      const bytes = new Uint8Array(source.buffer, source.byteOffset + at, length);
      this.data.set(first === length ? bytes : bytes.subarray(0, first), start);
      if (first < length) this.data.set(bytes.subarray(first), 0);
      return;
    }
    const words = this.#dataLongs;
    const whole = length & ~7;
    let to = start >>> 3;
    for (let from = 0; from < whole; from += 8) words[to++] = source.getBigInt64(at + from, true);
    for (let from = whole; from < length; from++) this.data[start + from] = source.getUint8(at + from);
  }
}

/** Payloads up to here are copied word by word: making the views for a block copy costs more. */
const shortPayload = 256;

function recordSize(payload: number): number {
  return recordHeaderBytes + ((payload + 7) & ~7);
}

/** An output ring's memory. */
export function createOutputRing(): SharedArrayBuffer {
  return reserveShared(ringHeaderBytes + outputRingBytes);
}

/** The guest's end of an output ring: one producer. */
export class OutputRingWriter {
  readonly #ring: Ring;
  readonly #ringDoorbell: () => void;
  /** The ring's tail: nobody else writes it. */
  #tail: number;

  /** `ringDoorbell` tells the consumer that there is something; it is called only when it has not been told yet. */
  constructor(memory: SharedArrayBuffer, ringDoorbell: () => void) {
    this.#ring = new Ring(memory);
    this.#ringDoorbell = ringDoorbell;
    this.#tail = Atomics.load(this.#ring.words, ringWord.tail);
  }

  /** True when a record with a payload of that many bytes would fit now. */
  fits(payload: number): boolean {
    const { words, size } = this.#ring;
    const used = (this.#tail - Atomics.load(words, ringWord.head)) >>> 0;
    return size - used >= recordSize(payload);
  }

  /** Writes one record whole, or nothing and answers false when it does not fit now. `time` in nanoseconds since the epoch. */
  write(container: number, stream: 1 | 2, time: bigint, bytes: Uint8Array): boolean {
    return this.writeFrom(container, stream, time, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
  }

  /** As `write`; the payload is `length` bytes of `source` at `at`. */
  writeFrom(container: number, stream: 1 | 2, time: bigint, source: DataView, at: number, length: number): boolean {
    if (length > outputRecordBytes) throw new RangeError(`a record of ${length} bytes is over ${outputRecordBytes}`);
    if (!this.fits(length)) return false;
    const ring = this.#ring;
    const tail = this.#tail;
    ring.writeHeader(tail, length, (container << 2) | stream, time);
    ring.writePayload(tail + recordHeaderBytes, source, at, length);
    this.#tail = (tail + recordSize(length)) | 0;
    Atomics.store(ring.words, ringWord.tail, this.#tail);
    // Most often the consumer knows already, and looking is cheaper than exchanging. Clearing the flag, it looks at the tail afterwards.
    if (Atomics.load(ring.words, ringWord.flag) === 0 && Atomics.exchange(ring.words, ringWord.flag, 1) === 0) this.#ringDoorbell();
    return true;
  }
}

/** The main thread's end of an output ring: one consumer. Space is freed by `release`, after the bytes are safe. */
export class OutputRingReader {
  readonly #ring: Ring;
  #next: number;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new Ring(memory);
    this.#next = Atomics.load(this.#ring.words, ringWord.head);
  }

  /** Everything written since the last call, copied. Re-arms the doorbell first, so that nothing later goes unnoticed. */
  read(): OutputRecord[] {
    const ring = this.#ring;
    Atomics.store(ring.words, ringWord.flag, 0);
    const tail = Atomics.load(ring.words, ringWord.tail);
    const records: OutputRecord[] = [];
    while (this.#next !== tail) {
      const { length, tag, time } = ring.readHeader(this.#next);
      const start = ring.offset(this.#next + recordHeaderBytes);
      const first = Math.min(length, ring.data.length - start);
      const bytes = new Uint8Array(length);
      bytes.set(ring.data.subarray(start, start + first));
      if (first < length) bytes.set(ring.data.subarray(0, length - first), first);
      records.push({ container: tag >>> 2, stream: (tag & 3) as 1 | 2, time, bytes });
      this.#next = (this.#next + recordSize(length)) | 0;
    }
    return records;
  }

  /** Gives the space of everything read back to the guest. The caller wakes the guest. */
  release(): void {
    Atomics.store(this.#ring.words, ringWord.head, this.#next);
  }
}
