import type { GuestClock } from '../host.ts';
import { preciseNanoseconds } from './precise-time.ts';

/** A guest's clocks. `cpuMicroseconds` answers its CPU time so far. */
export function createGuestClock(cpuMicroseconds: () => number): GuestClock {
  return {
    realtime: preciseNanoseconds,
    monotonic,
    cpu: () => BigInt(Math.round(cpuMicroseconds())) * 1000n,
    resolution: 1n,
  };
}

function monotonic(): bigint {
  return process.hrtime.bigint();
}

/** CPU time of the calling thread so far. */
export function threadCpuMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
