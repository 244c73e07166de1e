import type { OutputRecord } from '../../../guest/rings/output-ring.ts';
import type { ContainerOrder } from '../../../guest/protocol.ts';
import type { SharedThreadOrder } from '../../../guest/shared/shared-protocol.ts';
import { GuestControl } from '../guest-control.ts';
import type { ControlBlocks } from '../guest-control.ts';
import type { GuestEnd, GuestPlace, GuestUsage, PlaceHandlers } from '../guest-place.ts';

/** What a guest's place asks of its thread. */
export interface SharedGuestThread {
  readonly tid: number;
  /** Its guests' control blocks, by their numbers. */
  readonly blocks: ControlBlocks;
  post(order: SharedThreadOrder): void;
  /** Resolves when all output so far has been delivered. */
  drain(): Promise<void>;
  /** The guest's place is free. */
  leave(guest: number): void;
}

/** One container's share of a thread with many guests. */
export class SharedGuest implements GuestPlace {
  readonly finished: Promise<GuestEnd>;
  readonly #number: number;
  readonly #thread: SharedGuestThread;
  readonly #finish: (end: GuestEnd) => void;
  #control: GuestControl | undefined;
  #handlers: PlaceHandlers | undefined;
  #containerId: string | undefined;
  #ended = false;
  #descriptorsLeft = 0;

  constructor(number: number, thread: SharedGuestThread) {
    this.#number = number;
    this.#thread = thread;
    const { promise, resolve } = Promise.withResolvers<GuestEnd>();
    this.finished = promise;
    this.#finish = resolve;
  }

  get containerId(): string | undefined {
    return this.#containerId;
  }

  begin(order: ContainerOrder, handlers: PlaceHandlers): void {
    this.#control = new GuestControl(this.#thread.blocks, this.#number);
    this.#handlers = handlers;
    this.#containerId = order.task.containerId;
    if (!this.#ended) this.#thread.post({ kind: 'begin', guest: this.#number, order });
  }

  get touched(): boolean {
    return this.#control?.touched ?? false;
  }

  get begun(): boolean {
    return this.#control?.begun ?? false;
  }

  get over(): boolean {
    return this.#ended || (this.#control?.over ?? false);
  }

  get descriptors(): number {
    return this.#control?.descriptors ?? this.#descriptorsLeft;
  }

  requestStop(): boolean {
    return this.#control?.requestStop() ?? false;
  }

  wake(): void {
    this.#thread.post({ kind: 'wake', guest: this.#number });
  }

  drain(): Promise<void> {
    return this.#thread.drain();
  }

  /** Asks the guest's thread to unwind it; a thread that does not get to it is stuck, and ended as that. */
  terminate(): void {
    if (!this.#ended && this.#control !== undefined) this.#thread.post({ kind: 'stop', guest: this.#number });
  }

  async release(): Promise<void> {
    if (this.#control !== undefined) {
      this.terminate();
      await this.finished;
      // Its block goes with its number.
      this.#descriptorsLeft = this.descriptors;
      this.#control = undefined;
    }
    this.#thread.leave(this.#number);
  }

  usage(): GuestUsage | undefined {
    return this.#control?.usage(this.#thread.tid, this.#control.cpuMicroseconds * 1000);
  }

  /** For its thread: output, control words or stdin's space are worth a look. */
  doorbell(): void {
    this.#handlers?.onDoorbell();
  }

  /** For its thread. */
  async deliver(records: readonly OutputRecord[]): Promise<void> {
    await this.#handlers?.deliver(records);
  }

  /** For its thread: the guest is over. */
  end(end: GuestEnd): void {
    this.#ended = true;
    this.#finish(end);
  }
}
