import type { Clock } from '../../api/clock.ts';
import type { Engine } from '../../api/engine.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { PodEventTeller } from './pod-event-teller.ts';
import type { PodRecord } from './pod-record.ts';

export interface PodStopperOptions {
  readonly engine: Engine;
  readonly events: PodEventTeller;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A job of this pod has ended. */
  readonly ended: (uid: string) => void;
}

/** A stop that failed is tried again after this. */
const retryMilliseconds = 1000;

/** Stops containers as jobs: a grace may be long, and a shorter one must be able to come in between. */
export class PodStopper {
  readonly #options: PodStopperOptions;

  constructor(options: PodStopperOptions) {
    this.#options = options;
  }

  /** Idempotent; a later call takes effect only with a shorter grace. `message` is told once per attempt. */
  stop(record: PodRecord, container: { readonly id: string; readonly name: string }, graceSeconds: number, message: string): void {
    const { id, name } = container;
    const running = record.stops.get(id);
    if (running !== undefined && running <= graceSeconds) return;
    record.stops.set(id, graceSeconds);
    if (!record.told.has(`Killing ${id}`)) {
      record.told.add(`Killing ${id}`);
      this.#options.events.container(record.pod, name, 'Normal', 'Killing', message);
    }
    void this.#run(record, id, graceSeconds);
  }

  /** Whether a container is created or runs, or a stop has not returned: until then its guest may still hold files. */
  anythingRuns(record: PodRecord): boolean {
    const containers = this.#options.engine.podSandbox(record.uid)?.containers ?? [];
    return record.stops.size > 0 || containers.some(({ phase }) => phase !== 'exited');
  }

  async #run(record: PodRecord, id: string, graceSeconds: number): Promise<void> {
    const { engine, events, clock, logger, ended } = this.#options;
    let delay = 0;
    try {
      await engine.stopContainer(id, graceSeconds);
    } catch (error) {
      delay = retryMilliseconds;
      logger.error({ uid: record.uid, container: id, error: messageOf(error) }, 'container was not stopped');
      events.pod(record.pod, 'Warning', 'FailedKillPod', `error killing pod: ${messageOf(error)}`);
    }
    // Another call with a shorter grace has its own end.
    if (record.stops.get(id) !== graceSeconds) return;
    if (delay > 0) await clock.sleep(delay);
    record.stops.delete(id);
    ended(record.uid);
  }
}
