import type { Blocked, GuestClock, GuestHost } from '../host.ts';
import { FileError } from '../files/file-error.ts';
import { errno, errnoOf } from './errno.ts';
import type { GuestMemory } from './guest-memory.ts';
import { preview1Subscription } from './subscription.ts';
import type { SubscriptionLayout } from './subscription.ts';

/** Size of preview 1's `event`; tags of subscriptions. */
const eventSize = 32;
const tag = { clock: 0, fdRead: 1, fdWrite: 2 } as const;
const absoluteTime = 1;
const hangUp = 1;
const latest = 2n ** 63n - 1n;
/** Far more than descriptors and timers of any program; as of a real poll, more are EINVAL, for no call may take long. */
const maximumSubscriptions = 16_384;

/**
 * What a descriptor has to say: bytes that can be read or written now, -1 at a stream's end, undefined for "not yet".
 * Throws a FileError for a descriptor that cannot be polled; it becomes the event's error.
 */
export type Readiness = (fd: number, write: boolean) => number | undefined;

/** `poll_oneoff`: answers what is ready, else waits for the first deadline or descriptor. */
export class Poll {
  readonly #clock: GuestClock;
  readonly #memory: GuestMemory;
  readonly #readiness: Readiness;
  readonly #layout: SubscriptionLayout;

  constructor(host: GuestHost, memory: GuestMemory, readiness: Readiness, layout = preview1Subscription) {
    this.#clock = host.clock;
    this.#memory = memory;
    this.#readiness = readiness;
    this.#layout = layout;
  }

  pollOneoff(subscriptions: number, events: number, count: number, result: number): number | Blocked {
    const total = count >>> 0;
    if (total === 0 || total > maximumSubscriptions) throw new FileError('EINVAL');
    this.#memory.check(subscriptions, total * this.#layout.size);
    this.#memory.check(events, total * eventSize);
    this.#memory.check(result, 4);
    return this.#round(subscriptions >>> 0, events >>> 0, total, result, this.#clock.monotonic());
  }

  /** `start` is when the call was made: relative time-outs count from there, however often we look again. */
  #round(subscriptions: number, events: number, count: number, result: number, start: bigint): number | Blocked {
    let written = 0;
    let deadline: bigint | undefined;
    const descriptors: { fd: number; write: boolean }[] = [];
    const now = this.#clock.monotonic();
    for (let index = 0; index < count; index++) {
      const at = subscriptions + index * this.#layout.size;
      const event = events + written * eventSize;
      const kind = this.#memory.u8(at + 8);
      if (kind === tag.clock) {
        const due = this.#dueTime(at, start, now);
        if (due === undefined) this.#writeEvent(at, event, kind, errno.EINVAL, 0);
        else if (due <= now) this.#writeEvent(at, event, kind, errno.SUCCESS, 0);
        else {
          if (deadline === undefined || due < deadline) deadline = due;
          continue;
        }
      } else if (kind === tag.fdRead || kind === tag.fdWrite) {
        const descriptor = { fd: this.#memory.u32(at + 16), write: kind === tag.fdWrite };
        if (!this.#writeReadiness(at, event, kind, descriptor)) {
          descriptors.push(descriptor);
          continue;
        }
      } else throw new FileError('EINVAL');
      written++;
    }
    if (written > 0) {
      this.#memory.setU32(result, written);
      return errno.SUCCESS;
    }
    const ready = (): boolean => descriptors.some(({ fd, write }) => this.#readiness(fd, write) !== undefined);
    return {
      wait: { ...(deadline === undefined ? {} : { deadline }), ...(descriptors.length === 0 ? {} : { ready }) },
      resume: () => this.#round(subscriptions, events, count, result, start),
    };
  }

  /** In monotonic nanoseconds; undefined for a clock that cannot be waited for. */
  #dueTime(at: number, start: bigint, now: bigint): bigint | undefined {
    const clock = this.#memory.u32(at + this.#layout.clock);
    const timeout = this.#memory.u64(at + this.#layout.timeout);
    const absolute = (this.#memory.u16(at + this.#layout.flags) & absoluteTime) !== 0;
    if (clock > 1) return undefined;
    const due = !absolute ? start + timeout : clock === 1 ? timeout : now + timeout - this.#clock.realtime();
    return due > latest ? latest : due;
  }

  /** False when the descriptor is not ready yet. */
  #writeReadiness(at: number, event: number, kind: number, descriptor: { fd: number; write: boolean }): boolean {
    try {
      const bytes = this.#readiness(descriptor.fd, descriptor.write);
      if (bytes === undefined) return false;
      this.#writeEvent(at, event, kind, errno.SUCCESS, bytes);
    } catch (error) {
      const number = errnoOf(error);
      if (number === undefined) throw error;
      this.#writeEvent(at, event, kind, number, 0);
    }
    return true;
  }

  #writeEvent(at: number, event: number, kind: number, error: number, bytes: number): void {
    this.#memory.setU64(event, this.#memory.u64(at));
    this.#memory.setU16(event + 8, error);
    this.#memory.setU8(event + 10, kind);
    this.#memory.setU64(event + 16, BigInt(Math.max(bytes, 0)));
    this.#memory.setU16(event + 24, bytes < 0 ? hangUp : 0);
  }
}
