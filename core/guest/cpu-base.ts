import { threadCpuMicroseconds } from './clock.ts';
import { cpuBaseOffset } from './protocol.ts';

const baseOf = (control: Int32Array): Float64Array => new Float64Array(control.buffer, control.byteOffset + cpuBaseOffset, 1);

/** Nanoseconds of CPU that a thread had used when its guest's work began. Read by the engine: 8 aligned bytes are never torn. */
export function readCpuBase(control: Int32Array): number {
  return baseOf(control)[0]!;
}

/** From now on the calling thread works for the guest. */
export function startCpuBase(control: Int32Array): void {
  baseOf(control)[0] = threadCpuMicroseconds() * 1000;
}

/** Does something on the calling thread that is not the guest's work. */
export function outsideOfGuest(control: Int32Array, work: () => void): void {
  const before = threadCpuMicroseconds();
  work();
  baseOf(control)[0]! += (threadCpuMicroseconds() - before) * 1000;
}
