/** Milliseconds by which two readings of the system's clock may differ without a step: `Date.now` counts whole ones. */
const tolerance = 2;

/** `performance.now` would load perf_hooks into every guest's thread. */
const monotonicNow = (): number => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
};

let offset = Date.now() - monotonicNow();

/** The system's clock in milliseconds since the epoch, with a quarter of a microsecond's resolution. Follows clock steps. */
export function preciseNow(): number {
  const monotonic = monotonicNow();
  const coarse = Date.now();
  const precise = monotonic + offset;
  if (Math.abs(precise - coarse) <= tolerance) return precise;
  offset = coarse - monotonic;
  return coarse;
}
