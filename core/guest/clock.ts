import type { GuestClock } from './host.ts';
import { preciseNow } from './precise-time.ts';

/** A guest's clocks. `cpuMicroseconds` answers its CPU time so far. */
export function createGuestClock(cpuMicroseconds: () => number): GuestClock {
  return {
    realtime: () => BigInt(Math.round(preciseNow() * 1e6)),
    monotonic: () => process.hrtime.bigint(),
    cpu: () => BigInt(Math.round(cpuMicroseconds())) * 1000n,
    resolution: 1000n,
  };
}

/** CPU time of the calling thread so far. */
export function threadCpuMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
