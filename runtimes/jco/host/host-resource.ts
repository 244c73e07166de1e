import type { GuestContext } from './guest-context.ts';

/**
 * What a handle of the guest costs the node's own heap: jco's two table entries, its map's entry, and a small object. Measured:
 * 246 bytes for a pollable.
 */
const handleBytes = 256;

/**
 * A resource that the guest holds by a handle. It counts against the guest's memory limit until its handle is dropped
 * (jco's glue calls `[Symbol.dispose]`) or the host consumes it.
 */
export abstract class HostResource {
  protected readonly context: GuestContext;
  readonly #bytes: number;

  /** @param extraBytes what it holds beside the handle */
  constructor(context: GuestContext, extraBytes = 0) {
    this.context = context;
    this.#bytes = handleBytes + extraBytes;
    context.hold(this.#bytes);
  }

  [Symbol.dispose](): void {
    this.context.release(this.#bytes);
  }
}
