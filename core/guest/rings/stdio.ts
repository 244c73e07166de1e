import type { GuestStdio, Wait } from '../host.ts';
import type { ByteRingReader } from './byte-ring.ts';
import type { OutputRingWriter } from './output-ring.ts';
import { preciseNanoseconds } from '../time/precise-time.ts';

/** A guest's stdin, stdout and stderr over the engine's rings. */
export class RingStdio implements GuestStdio {
  readonly tty: boolean;
  readonly #container: number;
  readonly #output: OutputRingWriter;
  readonly #input: ByteRingReader | undefined;

  /** `container` is the index that tags this guest's records in the thread's ring. */
  constructor(options: { tty: boolean; container: number; output: OutputRingWriter; input?: ByteRingReader }) {
    this.tty = options.tty;
    this.#container = options.container;
    this.#output = options.output;
    this.#input = options.input;
  }

  write(stream: 1 | 2, bytes: Uint8Array): Wait | undefined {
    return this.writeFrom(stream, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
  }

  writeFrom(stream: 1 | 2, source: DataView, at: number, length: number): Wait | undefined {
    if (length === 0 || this.#output.writeFrom(this.#container, stream, preciseNanoseconds(), source, at, length)) return undefined;
    return { ready: () => this.#output.fits(length) };
  }

  read(target: Uint8Array): number | Wait {
    if (target.length === 0 || this.readable() === -1) return 0;
    const count = this.#input?.read(target) ?? 0;
    return count > 0 ? count : { ready: () => this.readable() !== 0 };
  }

  readable(): number {
    return this.#input?.readable() ?? -1;
  }
}
