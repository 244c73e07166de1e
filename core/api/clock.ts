/** The only source of time outside the guest's threads. Tests inject a virtual one. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump with the system's clock. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonic(): number;
  /** Calls `callback` once after `milliseconds`; returns what cancels it. Does not keep the process alive. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Resolves after `milliseconds`, or at once when `signal` aborts. Never rejects. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}
