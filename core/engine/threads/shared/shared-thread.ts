import type { MessagePort, Worker } from 'node:worker_threads';
import { messageOf } from '../../../api/errors.ts';
import { OutputRingReader } from '../../../guest/rings/output-ring.ts';
import type { OutputRecord } from '../../../guest/rings/output-ring.ts';
import type { SharedThreadMessage, SharedThreadOrder } from '../../../guest/shared/shared-protocol.ts';
import type { GuestEnd } from '../guest-place.ts';
import { OutputPump } from '../output-pump.ts';
import { SharedGuest } from './shared-guest.ts';

export interface SharedThreadOptions {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** The kernel's id of the thread. */
  readonly tid: number;
  /** The ring that all its guests write to. */
  readonly output: SharedArrayBuffer;
  /** Makes the pool forget the thread and terminate it. */
  readonly abandon: () => void;
}

/** The main thread's end of a thread with many guests. */
export class SharedThread {
  readonly tid: number;
  /** Resolves when the thread is gone. */
  readonly gone: Promise<void>;
  readonly #port: MessagePort;
  readonly #abandon: () => void;
  readonly #pump: OutputPump;
  readonly #guests = new Map<number, SharedGuest>();
  readonly #freeNumbers: number[] = [];
  #numbers = 0;
  /** Why the thread was ended; what its guests are told. */
  #ending: string | undefined;

  constructor({ worker, port, tid, output, abandon }: SharedThreadOptions) {
    this.tid = tid;
    this.#port = port;
    this.#abandon = abandon;
    const ring = new OutputRingReader(output);
    this.#pump = new OutputPump({ output: ring, wake: () => this.#post({ kind: 'wake-all' }) }, (records) => this.#deliver(records));

    const { promise, resolve: leave } = Promise.withResolvers<void>();
    this.gone = promise;
    let crash: { readonly message: string; readonly outOfMemory: boolean } | undefined;
    worker.once('error', (error: Error & { code?: string }) => {
      crash = { message: messageOf(error), outOfMemory: error.code === 'ERR_WORKER_OUT_OF_MEMORY' };
    });
    worker.once('exit', (code) => {
      port.close();
      // Out of memory is no guest's in particular: its own limit would have stopped the one that took it.
      this.#endAll({ kind: 'crashed', message: this.#ending ?? crash?.message ?? `it ended with code ${code}`, outOfMemory: false });
      leave();
    });
    port.on('message', (message: SharedThreadMessage) => this.#take(message));
  }

  /** Guests that it has. */
  get load(): number {
    return this.#guests.size;
  }

  /** False once the thread was told to end or has died. */
  get alive(): boolean {
    return this.#ending === undefined;
  }

  /** A place on it, held until it is released; then `onLeft` is called. */
  admit(onLeft: () => void): SharedGuest {
    const number = this.#freeNumbers.pop() ?? this.#numbers++;
    const guest = new SharedGuest(number, {
      tid: this.tid,
      post: (order) => this.#post(order),
      drain: () => this.#pump.pump(),
      leave: () => {
        if (!this.#guests.delete(number)) return;
        this.#freeNumbers.push(number);
        onLeft();
      },
    });
    this.#guests.set(number, guest);
    if (!this.alive) guest.end({ kind: 'crashed', message: this.#ending!, outOfMemory: false });
    return guest;
  }

  /** The container that holds the thread, by its guest's number. */
  containerOf(guest: number): string | undefined {
    return this.#guests.get(guest)?.containerId;
  }

  /** Ends the thread with all its guests, which are told why. */
  terminate(why: string): Promise<void> {
    if (this.#ending === undefined) {
      this.#ending = why;
      this.#abandon();
    }
    return this.gone;
  }

  #post(order: SharedThreadOrder): void {
    const sockets = order.kind === 'begin' ? order.order.sockets : undefined;
    this.#port.postMessage(order, sockets === undefined ? [] : [sockets.port]);
  }

  #take(message: SharedThreadMessage): void {
    if (message.kind === 'ready') return;
    if (message.kind === 'output') {
      void this.#pump.pump();
      return;
    }
    const guest = this.#guests.get(message.guest);
    if (message.kind === 'doorbell') {
      guest?.doorbell();
    } else if (message.kind === 'exit') {
      guest?.end({ kind: 'exited', exit: message.exit });
    } else if (message.kind === 'failed') {
      guest?.end({ kind: 'failed', message: message.message });
    } else {
      guest?.end({ kind: 'terminated' });
    }
  }

  /** To each guest its own, in order; whoever is slow holds up the ring, and so every writer. */
  async #deliver(records: readonly OutputRecord[]): Promise<void> {
    const byGuest = Map.groupBy(records, ({ container }) => container);
    await Promise.all([...byGuest].map(async ([number, own]) => this.#guests.get(number)?.deliver(own)));
  }

  #endAll(end: GuestEnd): void {
    this.#ending ??= 'it was gone before the guest came';
    for (const guest of [...this.#guests.values()]) guest.end(end);
  }
}
