/** What a set of samples comes to; all in the samples' unit. */
export interface Summary {
  readonly n: number;
  readonly median: number;
  readonly p99: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Spread: the interquartile range, from the first to the third quartile. */
  readonly quartiles: readonly [number, number];
}

/** @throws Error without samples, or when one is not a number */
export function summarize(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new Error('no samples to summarize');
  if (samples.some((sample) => !Number.isFinite(sample))) throw new Error(`not all numbers: ${samples.join(', ')}`);
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    n: sorted.length,
    median: percentile(sorted, 50),
    p99: percentile(sorted, 99),
    minimum: sorted[0]!,
    maximum: sorted.at(-1)!,
    quartiles: [percentile(sorted, 25), percentile(sorted, 75)],
  };
}

/** By linear interpolation between the closest ranks (Hyndman and Fan's type 7, as R and NumPy have it). */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = (percent / 100) * (sorted.length - 1);
  const below = sorted[Math.floor(rank)]!;
  const above = sorted[Math.ceil(rank)]!;
  return below + (above - below) * (rank - Math.floor(rank));
}

/** Whether two sets differ by more than their spread: their interquartile ranges do not overlap. */
export function differ(a: Summary, b: Summary): boolean {
  return a.quartiles[1] < b.quartiles[0] || b.quartiles[1] < a.quartiles[0];
}
