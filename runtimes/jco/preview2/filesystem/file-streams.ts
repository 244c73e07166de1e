import type { GuestContext } from '../guest-context.ts';
import { Pollable } from '../poll.ts';
import { InputStream, OutputStream, boundedLength, closed, largestTransfer } from '../streams.ts';
import { attemptStream } from './error-code.ts';
import type { OpenNode } from './open-node.ts';

/** A file is always ready: what the host's disk takes, the guest's thread takes. */
function alwaysReady(context: GuestContext): Pollable {
  return new Pollable(context, () => undefined);
}

/** A file, read from an offset on. */
export class FileInputStream extends InputStream {
  readonly #context: GuestContext;
  readonly #open: OpenNode;
  #offset: number;

  constructor(context: GuestContext, open: OpenNode, offset: number) {
    super();
    this.#context = context;
    this.#open = open.hold();
    this.#offset = offset;
  }

  read(length: bigint): Uint8Array {
    this.#context.called();
    const target = new Uint8Array(boundedLength(length));
    if (target.length === 0) return target;
    const count = attemptStream(() => this.#open.file.readAt(target, this.#offset));
    if (count === 0) throw closed();
    this.#offset += count;
    return target.subarray(0, count);
  }

  subscribe(): Pollable {
    return alwaysReady(this.#context);
  }

  [Symbol.dispose](): void {
    this.#open.release();
  }
}

/** A file, written from an offset on, or at its end wherever that is at each write. */
export class FileOutputStream extends OutputStream {
  readonly #context: GuestContext;
  readonly #open: OpenNode;
  #offset: number | 'end';
  #failed = false;

  constructor(context: GuestContext, open: OpenNode, offset: number | 'end') {
    super();
    this.#context = context;
    this.#open = open.hold();
    this.#offset = offset;
  }

  checkWrite(): bigint {
    if (this.#failed) throw closed();
    return BigInt(largestTransfer);
  }

  protected accept(bytes: Uint8Array): void {
    this.#context.called();
    let failed = true;
    try {
      attemptStream(() => this.#writeAll(bytes));
      failed = false;
    } finally {
      this.#failed = failed;
    }
  }

  flush(): void {
    if (this.#failed) throw closed();
  }

  subscribe(): Pollable {
    return alwaysReady(this.#context);
  }

  [Symbol.dispose](): void {
    this.#open.release();
  }

  #writeAll(bytes: Uint8Array): void {
    const { file } = this.#open;
    let position = this.#offset === 'end' ? Number(file.status().size) : this.#offset;
    for (let written = 0; written < bytes.length; ) {
      const count = file.writeAt(bytes.subarray(written), position);
      written += count;
      position += count;
    }
    if (this.#offset !== 'end') this.#offset = position;
  }
}
