/** Exponential back-off of restarts and pulls (client-go util/flowcontrol/backoff.go). Times in milliseconds since the epoch. */
export interface BackoffEntry {
  readonly delayMilliseconds: number;
  /** When the delay was last raised. */
  readonly raisedAt: number;
}

export interface BackoffPolicy {
  readonly initialMilliseconds: number;
  readonly maximumMilliseconds: number;
}

/** Containers and images alike: 10 s, doubled up to 300 s. */
export const defaultBackoff: BackoffPolicy = { initialMilliseconds: 10_000, maximumMilliseconds: 300_000 };

/** A fixed figure upstream too: it does not follow a lower cap. */
const forgottenAfterMilliseconds = 600_000;

function isForgotten(entry: BackoffEntry, eventAt: number): boolean {
  return eventAt - entry.raisedAt > forgottenAfterMilliseconds;
}

/**
 * When the next try after an end at `eventAt` may begin; undefined: at once. The first restart is immediate, because an
 * entry comes into being only with it.
 */
export function backoffUntil(entry: BackoffEntry | undefined, eventAt: number): number | undefined {
  if (entry === undefined || isForgotten(entry, eventAt)) return undefined;
  return eventAt + entry.delayMilliseconds;
}

/** The entry after a try that follows an end at `eventAt`. */
export function raiseBackoff(
  entry: BackoffEntry | undefined,
  eventAt: number,
  now: number,
  policy: BackoffPolicy = defaultBackoff,
): BackoffEntry {
  const delayMilliseconds =
    entry === undefined || isForgotten(entry, eventAt)
      ? Math.min(policy.initialMilliseconds, policy.maximumMilliseconds)
      : Math.min(entry.delayMilliseconds * 2, policy.maximumMilliseconds);
  return { delayMilliseconds, raisedAt: now };
}
