import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';
import { Pollable } from './poll.ts';

/** `wasi:clocks/wall-clock.datetime`. */
export interface DateTime {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

const nanosecondsPerSecond = 1_000_000_000n;

/** From nanoseconds since the epoch, of which WIT knows none before it. */
export function dateTimeOf(nanoseconds: bigint): DateTime {
  const positive = nanoseconds < 0n ? 0n : nanoseconds;
  return { seconds: positive / nanosecondsPerSecond, nanoseconds: Number(positive % nanosecondsPerSecond) };
}

/** `wasi:clocks/monotonic-clock` and `wall-clock` 0.2. */
export function createClocks(context: GuestContext): HostInterfaces {
  const { clock } = context.host;
  const at = (deadline: bigint): Pollable => new Pollable(context, () => (clock.monotonic() >= deadline ? undefined : { deadline }));
  const calling = <Arguments extends unknown[], Result>(answer: (...args: Arguments) => Result) => (...args: Arguments): Result => {
    context.called();
    return answer(...args);
  };
  return {
    'wasi:clocks/monotonic-clock': {
      now: calling(() => clock.monotonic()),
      resolution: calling(() => clock.resolution),
      subscribeInstant: calling(at),
      subscribeDuration: calling((duration: bigint) => at(clock.monotonic() + duration)),
    },
    'wasi:clocks/wall-clock': {
      now: calling(() => dateTimeOf(clock.realtime())),
      resolution: calling(() => dateTimeOf(clock.resolution)),
    },
    // A pod has no time zone: what WIT says for hosts that do not show one.
    'wasi:clocks/timezone': {
      display: calling(() => ({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false })),
      utcOffset: calling(() => 0),
    },
  };
}
