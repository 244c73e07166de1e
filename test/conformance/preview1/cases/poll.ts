import assert from 'node:assert/strict';
import { beyond, failure, fd, open, success } from '../case.ts';
import type { Case } from '../case.ts';
import type { Caller } from '../caller.ts';

const tag = { clock: 0, read: 1, write: 2 } as const;
const [monotonic, absolute] = [1, 1];

export interface Subscription {
  readonly userdata: bigint;
  readonly kind: number;
  readonly fd?: number;
  readonly clock?: number;
  readonly timeout?: bigint;
  readonly flags?: number;
}

/** Where a `subscription` has its clock; `wasi_unstable`'s is longer. */
export interface ClockLayout {
  readonly size: number;
  readonly clock: number;
}

export const preview1Clock: ClockLayout = { size: 48, clock: 16 };

interface Event {
  readonly userdata: bigint;
  readonly error: number;
  readonly kind: number;
  readonly bytes: bigint;
}

export function writeSubscriptions(guest: Caller, subscriptions: readonly Subscription[], { size, clock }: ClockLayout = preview1Clock): number {
  const at = guest.room(size * subscriptions.length);
  subscriptions.forEach((each, index) => {
    const start = at + size * index;
    guest.view.setBigUint64(start, each.userdata, true);
    guest.view.setUint8(start + 8, each.kind);
    if (each.fd !== undefined) guest.view.setUint32(start + 16, each.fd, true);
    if (each.clock !== undefined) {
      guest.view.setUint32(start + clock, each.clock, true);
      guest.view.setBigUint64(start + clock + 8, each.timeout ?? 0n, true);
      guest.view.setUint16(start + clock + 24, each.flags ?? 0, true);
    }
  });
  return at;
}

/** Polls what must succeed and answers the events. */
export async function poll(guest: Caller, subscriptions: readonly Subscription[], layout?: ClockLayout): Promise<Event[]> {
  const events = guest.room(32 * subscriptions.length);
  const count = await guest.u32('poll_oneoff', writeSubscriptions(guest, subscriptions, layout), events, subscriptions.length);
  return Array.from({ length: count }, (_, index) => {
    const at = events + 32 * index;
    return { userdata: guest.view.getBigUint64(at, true), error: guest.view.getUint16(at + 8, true), kind: guest.view.getUint8(at + 10), bytes: guest.view.getBigUint64(at + 16, true) };
  });
}

/** `poll_oneoff`. */
export const pollCases: readonly Case[] = [
  success('poll_oneoff', 'sleeps for as long as a relative time says', async (guest) => {
    const before = await guest.u64('clock_time_get', monotonic, 0n);
    const events = await poll(guest, [{ userdata: 7n, kind: tag.clock, clock: monotonic, timeout: 3_000_000n }]);
    assert.deepEqual(events, [{ userdata: 7n, error: 0, kind: tag.clock, bytes: 0n }]);
    assert.ok((await guest.u64('clock_time_get', monotonic, 0n)) - before >= 3_000_000n);
  }),
  success('poll_oneoff', 'sleeps until an absolute time, of either clock', async (guest) => {
    for (const clock of [0, monotonic]) {
      const until = (await guest.u64('clock_time_get', clock, 0n)) + 3_000_000n;
      await poll(guest, [{ userdata: 1n, kind: tag.clock, clock, timeout: until, flags: absolute }]);
      // The time of day may be set meanwhile, and is told in steps.
      assert.ok((await guest.u64('clock_time_get', clock, 0n)) >= until - 1_000_000n);
    }
  }),
  success('poll_oneoff', 'answers the clock that is due first, alone', async (guest) => {
    const events = await poll(guest, [
      { userdata: 1n, kind: tag.clock, clock: monotonic, timeout: 3_600_000_000_000n },
      { userdata: 2n, kind: tag.clock, clock: monotonic, timeout: 1_000_000n },
    ]);
    assert.deepEqual(events.map(({ userdata }) => userdata), [2n]);
  }),
  success('poll_oneoff', 'answers a time of 0 at once', async (guest) => {
    assert.equal((await poll(guest, [{ userdata: 1n, kind: tag.clock, clock: monotonic, timeout: 0n }])).length, 1);
  }),
  success('poll_oneoff', 'finds input, output and files ready', async (guest) => {
    const file = await open(guest, 'a.txt');
    const events = await poll(guest, [
      { userdata: 1n, kind: tag.read, fd: fd.stdin },
      { userdata: 2n, kind: tag.write, fd: fd.stdout },
      { userdata: 3n, kind: tag.read, fd: file },
      { userdata: 4n, kind: tag.clock, clock: monotonic, timeout: 3_600_000_000_000n },
    ]);
    assert.deepEqual(events.map(({ userdata, error }) => [userdata, error]), [[1n, 0], [2n, 0], [3n, 0]]);
    assert.equal(events[0]?.bytes, 5n);
  }, { options: { stdin: 'typed' } }),
  success('poll_oneoff', 'reports a descriptor that is not open as that event\'s error', async (guest) => {
    const events = await poll(guest, [{ userdata: 1n, kind: tag.read, fd: fd.closed }]);
    assert.deepEqual(events.map(({ userdata, error, kind }) => [userdata, error, kind]), [[1n, 8, tag.read]]);
  }),
  success('poll_oneoff', 'reports a clock that cannot be waited for as that event\'s error', async (guest) => {
    const events = await poll(guest, [{ userdata: 1n, kind: tag.clock, clock: 9, timeout: 1n }]);
    assert.deepEqual(events.map(({ error }) => error), [28]);
  }),
  failure('poll_oneoff', 'EINVAL', 'there is nothing to wait for', (guest) => guest.call('poll_oneoff', guest.room(48), guest.room(32), 0, guest.room(4))),
  failure('poll_oneoff', 'EINVAL', 'the tag is unknown', (guest) => guest.call('poll_oneoff', writeSubscriptions(guest, [{ userdata: 1n, kind: 9 }]), guest.room(32), 1, guest.room(4))),
  failure('poll_oneoff', 'EFAULT', 'the subscriptions lie beyond the memory', (guest) => guest.call('poll_oneoff', beyond, guest.room(32), 1, guest.room(4))),
  failure('poll_oneoff', 'EFAULT', 'the events lie beyond the memory', (guest) => guest.call('poll_oneoff', guest.room(48), beyond, 1, guest.room(4))),
  failure('poll_oneoff', 'EFAULT', 'there are more subscriptions than memory', (guest) => guest.call('poll_oneoff', guest.room(48), guest.room(32), 16_000, guest.room(4))),
  failure('poll_oneoff', 'EINVAL', 'there are more subscriptions than any program has', (guest) => guest.call('poll_oneoff', guest.room(48), guest.room(32), -1, guest.room(4))),
];
