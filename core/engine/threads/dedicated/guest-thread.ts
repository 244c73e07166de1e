import { createOutputRing, OutputRingReader } from '../../../guest/rings/output-ring.ts';
import type { PacedThread } from '../../../guest/cpu/pace.ts';
import type { ContainerOrder, GuestOrder, ThreadMessage } from '../../../guest/protocol.ts';
import { threadCpuNanoseconds } from '../../stats/thread-cpu.ts';
import { ControlBlocks, GuestControl } from '../guest-control.ts';
import { guestEndOf } from '../guest-place.ts';
import type { GuestEnd, GuestPlace, GuestUsage, PlaceHandlers } from '../guest-place.ts';
import { OutputPump } from '../output-pump.ts';
import type { StartedThread } from '../started-thread.ts';

/** What the main thread tells the one container that a thread has. */
interface Occupant {
  doorbell(): void;
  end(end: GuestEnd, clean: boolean): void;
}

/** A thread that takes one container after another. */
export class PoolThread {
  /** Resolves when the thread is gone, and its container knows. */
  readonly gone: Promise<void>;
  /** URL of the runtime that it is for, once it is for one; a thread serves one runtime only. */
  servedRuntime: string | undefined;
  readonly #thread: StartedThread;
  #occupant: Occupant | undefined;

  /** `servedRuntime`: of a thread that was made for one. */
  constructor(thread: StartedThread, servedRuntime?: string) {
    this.#thread = thread;
    this.servedRuntime = servedRuntime;
    this.gone = thread.gone.then(({ asked, message, outOfMemory }) => this.#end(asked ? { kind: 'terminated' } : { kind: 'crashed', message, outOfMemory }, false));
    thread.listen((message: ThreadMessage) => {
      if (message.kind === 'ready') return;
      // A doorbell that comes late makes the next container look at its rings once for nothing.
      if (message.kind === 'doorbell') this.#occupant?.doorbell();
      else this.#end(guestEndOf(message), message.kind === 'exit' && message.clean);
    });
  }

  get tid(): number {
    return this.#thread.tid;
  }

  /** True until the thread was told to end or has died. */
  get alive(): boolean {
    return this.#thread.alive;
  }

  begin(order: GuestOrder, occupant: Occupant): void {
    if (this.#occupant !== undefined) throw new Error('the thread has a container');
    if (!this.alive) {
      occupant.end({ kind: 'crashed', message: 'it was gone before the guest came', outOfMemory: false }, false);
      return;
    }
    this.#occupant = occupant;
    this.servedRuntime = order.runtimeUrl;
    this.#thread.post(order, order.sockets);
  }

  /** Ends the thread, whatever its guest does, and resolves when it is gone. Idempotent. */
  terminate(): Promise<void> {
    this.#thread.terminate();
    return this.gone;
  }

  #end(end: GuestEnd, clean: boolean): void {
    const occupant = this.#occupant;
    this.#occupant = undefined;
    occupant?.end(end, clean);
  }
}

/** What a container with yield checks has besides its thread. */
export interface Pacing {
  readonly pace: PacedThread;
  /** The container has ended. */
  readonly forget: () => void;
  /** Its guest is unwound rather than ended with its thread. Calls `act` when it had its time for that; what it answers cancels. */
  readonly unwind?: (act: () => void) => () => void;
}

/** One container's time on a thread of its own. Nothing that it shares with the thread outlives it. */
export class GuestThread implements GuestPlace {
  readonly finished: Promise<GuestEnd>;
  readonly #thread: PoolThread;
  readonly #leave: (clean: boolean) => void;
  readonly #blocks = new ControlBlocks();
  readonly #control = new GuestControl(this.#blocks, 0);
  readonly #ring = createOutputRing();
  readonly #finish: (end: GuestEnd) => void;
  #pump: OutputPump | undefined;
  /** Until a guest has begun there is nothing to be left behind. */
  #clean = true;
  #released: Promise<void> | undefined;
  readonly #pacing: Pacing | undefined;
  #cancelEnd: (() => void) | undefined;

  /** `leave` is called once, when the container has nothing to do with the thread any more; `clean`: another may have it. */
  constructor(thread: PoolThread, pacing: Pacing | undefined, leave: (clean: boolean) => void) {
    this.#thread = thread;
    this.#pacing = pacing;
    this.#leave = leave;
    const { promise, resolve } = Promise.withResolvers<GuestEnd>();
    this.finished = promise;
    this.#finish = resolve;
  }

  begin(order: ContainerOrder, handlers: PlaceHandlers): void {
    this.#clean = false;
    const pump = new OutputPump({ output: new OutputRingReader(this.#ring), wake: () => this.wake() }, (records) => handlers.deliver(records));
    this.#pump = pump;
    this.#thread.begin({ ...order, control: this.#blocks.memory, output: this.#ring, ...(this.#pacing === undefined ? {} : { pace: this.#pacing.pace }) }, {
      doorbell() {
        handlers.onDoorbell();
        void pump.pump();
      },
      end: (end, clean) => {
        this.#clean = clean;
        this.#finish(end);
      },
    });
  }

  get touched(): boolean {
    return this.#control.touched;
  }

  get begun(): boolean {
    return this.#control.begun;
  }

  get over(): boolean {
    return this.#control.over;
  }

  get descriptors(): number {
    return this.#control.descriptors;
  }

  requestStop(): boolean {
    return this.#control.requestStop();
  }

  wake(): void {
    this.#control.wake();
  }

  async drain(): Promise<void> {
    await this.#pump?.pump();
  }

  /** Ends the guest with its thread; one that is to be unwound has its time for that first. */
  terminate(): void {
    if (this.#released !== undefined || this.#cancelEnd !== undefined) return;
    const { pace, unwind } = this.#pacing ?? {};
    if (pace === undefined || unwind === undefined || !this.begun) {
      void this.#thread.terminate();
      return;
    }
    this.#cancelEnd = unwind(() => void this.#thread.terminate());
    this.#control.stop();
    Atomics.store(new Int32Array(pace.epoch.buffer), 0, 1);
  }

  /** A guest that ended by itself and left nothing behind gives its thread back at once; else the thread is ended. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  usage(): GuestUsage | undefined {
    const cpu = threadCpuNanoseconds(this.#thread.tid);
    return cpu === undefined ? undefined : this.#control.usage(this.#thread.tid, Math.max(0, cpu - this.#control.cpuMicroseconds * 1000));
  }

  async #release(): Promise<void> {
    this.#cancelEnd?.();
    this.#pacing?.forget();
    const clean = this.#clean && this.#thread.alive;
    if (!clean) await this.#thread.terminate();
    this.#leave(clean);
  }
}
