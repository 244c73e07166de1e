import type { PodEvent, PodSyncer, SyncOutcome } from '../kubelet/kubelet.ts';
import type { Due } from './agenda.ts';

/** What the lanes of all pods have in common. */
export interface LaneOptions {
  readonly syncer: PodSyncer;
  /** A sync begins: no other date is needed. */
  readonly begun: (lane: PodLane) => void;
  /** A sync has returned, and nothing newer waits. */
  readonly synced: (lane: PodLane, outcome: SyncOutcome) => void;
  /** A sync threw: a bug. */
  readonly failed: (error: unknown) => void;
}

/**
 * One pod's syncs, one at a time. Of the events that arrive while one runs, one is remembered (one slot, as upstream's pod workers
 * have it): whoever syncs looks at what is. A `terminate` aborts the running sync and then WAITS for its return: never two at
 * once. An outcome is told only when nothing newer waits; otherwise it is out of date already.
 */
export class PodLane implements Due {
  readonly uid: string;
  dueAt = 0;
  place = -1;
  readonly #options: LaneOptions;
  #running: AbortController | undefined;
  #waits = false;
  #closed = false;

  constructor(uid: string, options: LaneOptions) {
    this.uid = uid;
    this.#options = options;
  }

  take(cause: PodEvent['cause']): void {
    if (this.#running === undefined) {
      this.#sync();
      return;
    }
    this.#waits = true;
    if (cause === 'terminate') this.#running.abort();
  }

  /** Aborts what runs; nothing is told any more. */
  close(): void {
    this.#closed = true;
    this.#running?.abort();
  }

  #sync(): void {
    const { syncer, begun } = this.#options;
    begun(this);
    this.#running = new AbortController();
    syncer.sync(this.uid, this.#running.signal).then(
      (outcome) => this.#returned(outcome),
      (error: unknown) => this.#closed || this.#options.failed(error),
    );
  }

  #returned(outcome: SyncOutcome): void {
    this.#running = undefined;
    if (this.#closed) return;
    if (!this.#waits) {
      this.#options.synced(this, outcome);
      return;
    }
    this.#waits = false;
    this.#sync();
  }
}
