import { OutputRingReader } from '../../../guest/rings/output-ring.ts';
import type { OutputRecord } from '../../../guest/rings/output-ring.ts';
import type { SharedThreadMessage, SharedThreadOrder } from '../../../guest/shared/shared-protocol.ts';
import { guestEndOf } from '../guest-place.ts';
import type { ControlBlocks } from '../guest-control.ts';
import type { GuestEnd } from '../guest-place.ts';
import { OutputPump } from '../output-pump.ts';
import type { StartedThread } from '../started-thread.ts';
import { SharedGuest } from './shared-guest.ts';
import type { SharedGuestThread } from './shared-guest.ts';

/** The main thread's end of a thread with many guests. */
export class SharedThread implements SharedGuestThread {
  /** Resolves when the thread is gone, and its guests' containers know. */
  readonly gone: Promise<void>;
  readonly blocks: ControlBlocks;
  readonly #thread: StartedThread;
  readonly #pump: OutputPump;
  readonly #guests = new Map<number, SharedGuest>();
  readonly #onLeft: () => void;
  readonly #freeNumbers: number[] = [];
  #numbers = 0;
  /** Why the thread was ended; what its guests are told. */
  #ending: string | undefined;

  /** @param output the ring that all its guests write to; `onLeft` is called for each guest that has left */
  constructor(thread: StartedThread, output: SharedArrayBuffer, blocks: ControlBlocks, onLeft: () => void) {
    this.#thread = thread;
    this.blocks = blocks;
    this.#onLeft = onLeft;
    this.#pump = new OutputPump({ output: new OutputRingReader(output), wake: () => this.post({ kind: 'wake-all' }) }, (records) => this.#deliver(records));
    // Out of memory is no guest's in particular: its own limit would have stopped the one that took it.
    this.gone = thread.gone.then(({ message }) => this.#endAll({ kind: 'crashed', message: this.#ending ?? message, outOfMemory: false }));
    thread.listen((message: SharedThreadMessage) => this.#take(message));
  }

  /** Guests that it has. */
  get load(): number {
    return this.#guests.size;
  }

  /** False once the thread was told to end or has died. */
  get alive(): boolean {
    return this.#ending === undefined;
  }

  /** A place on it, held until it is released. */
  admit(): SharedGuest {
    const number = this.#freeNumbers.pop() ?? this.#numbers++;
    const guest = new SharedGuest(number, this);
    this.#guests.set(number, guest);
    if (!this.alive) guest.end({ kind: 'crashed', message: this.#ending!, outOfMemory: false });
    return guest;
  }

  get tid(): number {
    return this.#thread.tid;
  }

  post(order: SharedThreadOrder): void {
    this.#thread.post(order, order.kind === 'begin' ? order.order.sockets : undefined);
  }

  drain(): Promise<void> {
    return this.#pump.pump();
  }

  /** Its thread has said that it is over, or never heard of it: the number, and with it the control block, may be another's. */
  leave(guest: number): void {
    if (!this.#guests.delete(guest)) return;
    this.#freeNumbers.push(guest);
    this.#onLeft();
  }

  /** The container that holds the thread, by its guest's number. */
  containerOf(guest: number): string | undefined {
    return this.#guests.get(guest)?.containerId;
  }

  /** Ends the thread with all its guests, which are told why. */
  terminate(why: string): Promise<void> {
    this.#ending ??= why;
    this.#thread.terminate();
    return this.gone;
  }

  #take(message: SharedThreadMessage): void {
    if (message.kind === 'ready') return;
    if (message.kind === 'output') {
      void this.#pump.pump();
      return;
    }
    const guest = this.#guests.get(message.guest);
    if (message.kind === 'doorbell') guest?.doorbell();
    else guest?.end(guestEndOf(message));
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
