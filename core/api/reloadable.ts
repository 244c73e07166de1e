/** A value that may be replaced while the node runs: a rotated certificate, a new authority. */
export interface Reloadable<T> {
  /** Undefined while there is none yet. */
  current(): T | undefined;
  /** Returns what ends the subscription. */
  onChange(listener: () => void): () => void;
}
