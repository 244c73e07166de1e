/** How far two readings of the system's clock may differ without a step, `Date.now` counting whole milliseconds; and how long until it is read again. */
const [toleranceMilliseconds, lookMilliseconds] = [2, 10];
const [tolerance, lookInterval] = [2_000_000n, 10_000_000n];

// `Date.now` costs as much as all else here and is read seldom. The two forms are kept apart: turning one into the other costs more.
let [offsetMilliseconds, nextLookMilliseconds] = [0, -1];
let [offset, nextLook] = [0n, 0n];

/**
 * The system's clock in milliseconds since the epoch, with a quarter of a microsecond's resolution. Follows clock steps. Asked for on
 * each line that a guest writes. `performance.now` would load perf_hooks into every guest's thread.
 */
export function preciseNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  const monotonic = seconds * 1000 + nanoseconds / 1e6;
  if (monotonic >= nextLookMilliseconds) {
    const coarse = Date.now();
    if (Math.abs(monotonic + offsetMilliseconds - coarse) > toleranceMilliseconds) offsetMilliseconds = coarse - monotonic;
    nextLookMilliseconds = monotonic + lookMilliseconds;
  }
  return monotonic + offsetMilliseconds;
}

/** The system's clock in nanoseconds since the epoch. Follows clock steps. */
export function preciseNanoseconds(): bigint {
  const monotonic = process.hrtime.bigint();
  if (monotonic >= nextLook) look(monotonic);
  // The width lets V8 add without making a bigint for it.
  return BigInt.asUintN(64, monotonic + offset);
}

function look(monotonic: bigint): void {
  const coarse = BigInt(Date.now()) * 1_000_000n;
  const difference = monotonic + offset - coarse;
  if (difference > tolerance || difference < -tolerance) offset = coarse - monotonic;
  nextLook = monotonic + lookInterval;
}
