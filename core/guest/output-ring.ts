import { outputRecordBytes, recordHeaderBytes, ringHeaderBytes, ringWord } from './protocol.ts';

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
  readonly #view: DataView;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, ringHeaderBytes / 4);
    this.data = new Uint8Array(memory, ringHeaderBytes);
    this.#view = new DataView(memory, ringHeaderBytes);
    const size = this.data.length;
    if (size < recordHeaderBytes || (size & (size - 1)) !== 0) throw new RangeError(`a ring of ${size} bytes is not a power of two`);
  }

  offset(position: number): number {
    return position & (this.data.length - 1);
  }

  /** Headers are 8-byte aligned, so each half of one lies whole on one side of the ring's end. */
  readHeader(position: number): { length: number; tag: number; time: number } {
    const first = this.offset(position);
    return {
      length: this.#view.getUint32(first, true),
      tag: this.#view.getUint32(first + 4, true),
      time: this.#view.getFloat64(this.offset(position + 8), true),
    };
  }

  writeHeader(position: number, length: number, tag: number, time: number): void {
    const first = this.offset(position);
    this.#view.setUint32(first, length, true);
    this.#view.setUint32(first + 4, tag, true);
    this.#view.setFloat64(this.offset(position + 8), time, true);
  }
}

function recordSize(payload: number): number {
  return recordHeaderBytes + ((payload + 7) & ~7);
}

/** The guest's end of an output ring: one producer. */
export class OutputRingWriter {
  readonly #ring: Ring;
  readonly #ringDoorbell: () => void;

  /** `ringDoorbell` tells the consumer that there is something; it is called only when it has not been told yet. */
  constructor(memory: SharedArrayBuffer, ringDoorbell: () => void) {
    this.#ring = new Ring(memory);
    this.#ringDoorbell = ringDoorbell;
  }

  /** True when a record with a payload of that many bytes would fit now. */
  fits(payload: number): boolean {
    const { words, data } = this.#ring;
    const used = (Atomics.load(words, ringWord.tail) - Atomics.load(words, ringWord.head)) >>> 0;
    return data.length - used >= recordSize(payload);
  }

  /** Writes one record whole, or nothing and answers false when it does not fit now. */
  write(container: number, stream: 1 | 2, time: number, bytes: Uint8Array): boolean {
    if (bytes.length > outputRecordBytes) throw new RangeError(`a record of ${bytes.length} bytes is over ${outputRecordBytes}`);
    if (!this.fits(bytes.length)) return false;
    const ring = this.#ring;
    const tail = Atomics.load(ring.words, ringWord.tail);
    ring.writeHeader(tail, bytes.length, (container << 2) | stream, time);
    const start = ring.offset(tail + recordHeaderBytes);
    const first = Math.min(bytes.length, ring.data.length - start);
    if (first === bytes.length) {
      ring.data.set(bytes, start);
    } else {
      ring.data.set(bytes.subarray(0, first), start);
      ring.data.set(bytes.subarray(first), 0);
    }
    Atomics.store(ring.words, ringWord.tail, (tail + recordSize(bytes.length)) | 0);
    if (Atomics.exchange(ring.words, ringWord.flag, 1) === 0) this.#ringDoorbell();
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
