import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';

/** `wasi:clocks/system-clock.instant`; seconds are signed. */
export interface Instant {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

const nanosecondsPerSecond = 1_000_000_000n;

/** From nanoseconds since the epoch; before it, the seconds are rounded down. */
export function instantOf(nanoseconds: bigint): Instant {
  const rest = ((nanoseconds % nanosecondsPerSecond) + nanosecondsPerSecond) % nanosecondsPerSecond;
  return { seconds: (nanoseconds - rest) / nanosecondsPerSecond, nanoseconds: Number(rest) };
}

/** `wasi:clocks/monotonic-clock` and `system-clock` 0.3. */
export function createClocks(context: GuestContext): HostInterfaces {
  const { clock, blocker } = context.host;
  const calling = <Result>(answer: () => Result) => (): Result => {
    context.called();
    return answer();
  };
  const waitUntil = async (deadline: bigint): Promise<void> => {
    context.called();
    await blocker.waitLater({ deadline });
    context.called();
  };
  return {
    'wasi:clocks/monotonic-clock@0.3': {
      now: calling(() => clock.monotonic()),
      getResolution: calling(() => clock.resolution),
      waitUntil,
      waitFor: (duration: bigint) => waitUntil(clock.monotonic() + duration),
    },
    'wasi:clocks/system-clock@0.3': {
      now: calling(() => instantOf(clock.realtime())),
      getResolution: calling(() => clock.resolution),
    },
    'wasi:clocks/types@0.3': {},
    // A pod has no time zone.
    'wasi:clocks/timezone@0.3': {
      ianaId: calling(() => undefined),
      utcOffset: calling(() => undefined),
      toDebugString: calling(() => 'UTC'),
    },
  };
}
