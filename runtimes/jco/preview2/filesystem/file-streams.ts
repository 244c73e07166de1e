import type { GuestContext } from '../../host/guest-context.ts';
import { writeAll } from '../../filesystem/write-all.ts';
import { InputStream, OutputStream, closed, largestTransfer } from '../streams.ts';
import { attemptStream } from './error-code.ts';
import type { OpenNode } from '../../filesystem/open-node.ts';

/** A file, read from an offset on. Always ready: what the host's disk takes, the guest's thread takes. */
export class FileInputStream extends InputStream {
  readonly #open: OpenNode;
  #offset: number;

  constructor(context: GuestContext, open: OpenNode, offset: number) {
    super(context);
    this.#open = open.hold();
    this.#offset = offset;
  }

  protected take(length: number): Uint8Array {
    const target = new Uint8Array(length);
    if (length === 0) return target;
    const count = attemptStream(this.context, () => this.#open.file.readAt(target, this.#offset));
    if (count === 0) throw closed();
    this.#offset += count;
    return target.subarray(0, count);
  }

  protected pending(): undefined {
    return undefined;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#open.release();
  }
}

/** A file, written from an offset on, or at its end wherever that is at each write. Always ready. */
export class FileOutputStream extends OutputStream {
  readonly #open: OpenNode;
  #offset: number | 'end';

  constructor(context: GuestContext, open: OpenNode, offset: number | 'end') {
    super(context);
    this.#open = open.hold();
    this.#offset = offset;
  }

  protected permit(): number {
    return largestTransfer;
  }

  protected accept(bytes: Uint8Array): void {
    attemptStream(this.context, () => (this.#offset = writeAll(this.#open.file, bytes, this.#offset)));
  }

  /** What is written is with the kernel; `sync` brings it to the disk. */
  protected deliver(): void {}

  protected pending(): undefined {
    return undefined;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#open.release();
  }
}
