import type { GuestClock } from './host.ts';
import { preciseNow } from './precise-time.ts';

/** A guest's clocks. `cpu` counts from the moment this object was made, on the calling thread's CPU clock. */
export function createGuestClock(): GuestClock {
  const base = threadCpuMicroseconds();
  return {
    realtime: () => BigInt(Math.round(preciseNow() * 1e6)),
    monotonic: () => process.hrtime.bigint(),
    cpu: () => BigInt(threadCpuMicroseconds() - base) * 1000n,
    resolution: 1000n,
  };
}

/** CPU time of the calling thread so far. */
export function threadCpuMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
