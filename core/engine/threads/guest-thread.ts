import type { MessagePort, Worker } from 'node:worker_threads';
import { messageOf } from '../../api/errors.ts';
import type { GuestExit } from '../../api/runtime.ts';
import { controlWord } from '../../guest/protocol.ts';
import type { GuestOrder, ThreadMessage } from '../../guest/protocol.ts';
import { OutputRingReader } from '../../guest/output-ring.ts';

/** How a guest's time on its thread ended. */
export type GuestEnd =
  /** By itself. */
  | { readonly kind: 'exited'; readonly exit: GuestExit }
  /** The adapter threw. */
  | { readonly kind: 'failed'; readonly message: string }
  /** The thread died under it. */
  | { readonly kind: 'crashed'; readonly message: string; readonly outOfMemory: boolean }
  /** By `terminate`. */
  | { readonly kind: 'terminated' };

export interface GuestThreadOptions {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** The kernel's id of the thread. */
  readonly tid: number;
  readonly control: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
  /** Makes the pool forget the thread and terminate it. */
  readonly abandon: () => void;
}

/** The main thread's end of one ready thread: it takes one container, and ends with it. */
export class GuestThread {
  readonly tid: number;
  readonly control: Int32Array;
  readonly output: OutputRingReader;
  /** Resolves once, with the first of: the guest's own end, the thread's death, its termination. */
  readonly finished: Promise<GuestEnd>;
  /** Resolves when the thread is gone. */
  readonly gone: Promise<void>;
  readonly #port: MessagePort;
  readonly #abandon: () => void;
  #terminating = false;
  #onDoorbell: () => void = () => {};

  constructor({ worker, port, tid, control, output, abandon }: GuestThreadOptions) {
    this.tid = tid;
    this.control = new Int32Array(control);
    this.output = new OutputRingReader(output);
    this.#port = port;
    this.#abandon = abandon;

    const { promise: finished, resolve: finish } = Promise.withResolvers<GuestEnd>();
    const { promise: gone, resolve: leave } = Promise.withResolvers<void>();
    this.finished = finished;
    this.gone = gone;
    let crash: { readonly message: string; readonly outOfMemory: boolean } | undefined;
    worker.once('error', (error: Error & { code?: string }) => {
      crash = { message: messageOf(error), outOfMemory: error.code === 'ERR_WORKER_OUT_OF_MEMORY' };
    });
    worker.once('exit', (code) => {
      port.close();
      finish(this.#terminating ? { kind: 'terminated' } : { kind: 'crashed', message: `the thread ended with code ${code}`, outOfMemory: false, ...crash });
      leave();
    });
    port.on('message', (message: ThreadMessage) => {
      if (message.kind === 'doorbell') this.#onDoorbell();
      else if (message.kind === 'exit') finish({ kind: 'exited', exit: message.exit });
      else if (message.kind === 'failed') finish({ kind: 'failed', message: message.message });
    });
  }

  /** Gives the thread its container. `onDoorbell` is called when output, control words or stdin's space are worth a look. */
  begin(order: GuestOrder, onDoorbell: () => void): void {
    this.#onDoorbell = onDoorbell;
    this.#port.postMessage(order, order.sockets === undefined ? [] : [order.sockets.port]);
  }

  /** True once the guest has made a host call. */
  get touched(): boolean {
    return this.#is(controlWord.touched);
  }

  /** True once the guest's entry was called, or code of its start section has made a host call. */
  get begun(): boolean {
    return this.#is(controlWord.entered) || this.touched;
  }

  /** True once the guest is over, although the news of it may still be on the way. */
  get over(): boolean {
    return this.#is(controlWord.ended);
  }

  /** Wakes the guest if it waits for anything but a deadline. */
  wake(): void {
    Atomics.add(this.control, controlWord.wake, 1);
    Atomics.notify(this.control, controlWord.wake);
  }

  /** Ends the thread, whatever its guest does, and resolves when it is gone. Idempotent. */
  terminate(): Promise<void> {
    if (!this.#terminating) {
      this.#terminating = true;
      this.#abandon();
    }
    return this.gone;
  }

  #is(word: number): boolean {
    return Atomics.load(this.control, word) === 1;
  }
}
