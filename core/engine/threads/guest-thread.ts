import type { MessagePort, Worker } from 'node:worker_threads';
import { messageOf } from '../../api/errors.ts';
import type { GuestExit } from '../../api/runtime.ts';
import { controlBytes, controlWord, outputRingBytes, ringHeaderBytes } from '../../guest/protocol.ts';
import type { ContainerOrder, GuestOrder, ThreadMessage } from '../../guest/protocol.ts';
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

export interface PoolThreadOptions {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** The kernel's id of the thread. */
  readonly tid: number;
  /** Makes the pool forget the thread and terminate it. */
  readonly abandon: () => void;
}

/** What the main thread tells the one container that a thread has. */
interface Occupant {
  doorbell(): void;
  end(end: GuestEnd, clean: boolean): void;
}

/** The main thread's end of one ready thread, which takes one container after another. */
export class PoolThread {
  readonly tid: number;
  /** Resolves when the thread is gone. */
  readonly gone: Promise<void>;
  /** URL of the runtime whose guests it has had; a thread serves one runtime only. */
  servedRuntime: string | undefined;
  readonly #port: MessagePort;
  readonly #abandon: () => void;
  #occupant: Occupant | undefined;
  #terminating = false;

  constructor({ worker, port, tid, abandon }: PoolThreadOptions) {
    this.tid = tid;
    this.#port = port;
    this.#abandon = abandon;
    const { promise, resolve: leave } = Promise.withResolvers<void>();
    this.gone = promise;
    let crash: { readonly message: string; readonly outOfMemory: boolean } | undefined;
    worker.once('error', (error: Error & { code?: string }) => {
      crash = { message: messageOf(error), outOfMemory: error.code === 'ERR_WORKER_OUT_OF_MEMORY' };
    });
    worker.once('exit', (code) => {
      port.close();
      this.#end(this.#terminating ? { kind: 'terminated' } : { kind: 'crashed', message: `the thread ended with code ${code}`, outOfMemory: false, ...crash }, false);
      this.#terminating = true;
      leave();
    });
    port.on('message', (message: ThreadMessage) => {
      // A doorbell that comes late makes the next container look at its rings once for nothing.
      if (message.kind === 'doorbell') this.#occupant?.doorbell();
      else if (message.kind === 'exit') this.#end({ kind: 'exited', exit: message.exit }, message.clean);
      else if (message.kind === 'failed') this.#end({ kind: 'failed', message: message.message }, false);
    });
  }

  /** True until the thread was told to end or has died. */
  get alive(): boolean {
    return !this.#terminating;
  }

  begin(order: GuestOrder, occupant: Occupant): void {
    if (this.#occupant !== undefined) throw new Error('the thread has a container');
    if (this.#terminating) {
      occupant.end({ kind: 'crashed', message: 'it was gone before the guest came', outOfMemory: false }, false);
      return;
    }
    this.#occupant = occupant;
    this.servedRuntime = order.runtimeUrl;
    this.#port.postMessage(order, order.sockets === undefined ? [] : [order.sockets.port]);
  }

  /** Ends the thread, whatever its guest does, and resolves when it is gone. Idempotent. */
  terminate(): Promise<void> {
    if (!this.#terminating) {
      this.#terminating = true;
      this.#abandon();
    }
    return this.gone;
  }

  #end(end: GuestEnd, clean: boolean): void {
    const occupant = this.#occupant;
    this.#occupant = undefined;
    occupant?.end(end, clean);
  }
}

/** One container's time on a thread. Nothing that it shares with the thread outlives it. */
export class GuestThread {
  readonly tid: number;
  readonly control = new Int32Array(new SharedArrayBuffer(controlBytes));
  readonly output: OutputRingReader;
  /** Resolves once, with the first of: the guest's own end, the thread's death, its termination. */
  readonly finished: Promise<GuestEnd>;
  readonly #thread: PoolThread;
  readonly #leave: (clean: boolean) => void;
  readonly #ring = new SharedArrayBuffer(ringHeaderBytes + outputRingBytes);
  readonly #finish: (end: GuestEnd) => void;
  /** Until a guest has begun there is nothing to be left behind. */
  #clean = true;
  #released: Promise<void> | undefined;

  /** `leave` is called once, when the container has nothing to do with the thread any more; `clean`: another may have it. */
  constructor(thread: PoolThread, leave: (clean: boolean) => void) {
    this.tid = thread.tid;
    this.output = new OutputRingReader(this.#ring);
    this.#thread = thread;
    this.#leave = leave;
    const { promise, resolve } = Promise.withResolvers<GuestEnd>();
    this.finished = promise;
    this.#finish = resolve;
  }

  /** Gives the thread its container. `onDoorbell` is called when output, control words or stdin's space are worth a look. */
  begin(order: ContainerOrder, onDoorbell: () => void): void {
    this.#clean = false;
    this.#thread.begin({ ...order, control: this.control.buffer, output: this.#ring }, {
      doorbell: onDoorbell,
      end: (end, clean) => {
        this.#clean = clean;
        this.#finish(end);
      },
    });
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

  /** Ends the guest with its thread, whatever it does. Without effect once it was released. */
  terminate(): void {
    if (this.#released === undefined) void this.#thread.terminate();
  }

  /**
   * The container needs its thread no more. A guest that ended by itself and left nothing behind gives it back at once; else
   * the thread is ended. Resolves when the guest can have no effect any more. Idempotent.
   */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    const clean = this.#clean && this.#thread.alive;
    if (!clean) await this.#thread.terminate();
    this.#leave(clean);
  }

  #is(word: number): boolean {
    return Atomics.load(this.control, word) === 1;
  }
}
