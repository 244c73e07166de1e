import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { VolumeManager } from '../../volume/volume-manager.ts';
import type { PodEventTeller } from './pod-event-teller.ts';
import type { PodRecord } from './pod-record.ts';

export interface PodVolumesOptions {
  readonly volumes: VolumeManager;
  readonly events: PodEventTeller;
  readonly clock: Clock;
  /** A job of this pod has ended. */
  readonly ended: (uid: string) => void;
}

/** Contents are brought up to date at least this often: a token may be about to expire. */
const refreshMilliseconds = 60_000;
const firstRetryMilliseconds = 1000;
const longestRetryMilliseconds = 122_000;

/** Sets up a pod's volumes as a job, so that a slow one holds no sync. */
export class PodVolumes {
  readonly #options: PodVolumesOptions;

  constructor(options: PodVolumesOptions) {
    this.#options = options;
  }

  /** Starts a set-up when one is due. Answers when to ask again, in milliseconds since the epoch; undefined: never, or a job's end will tell. */
  keep(record: PodRecord): number | undefined {
    const { clock } = this.#options;
    const { volumes, pod } = record;
    if (volumes.job !== undefined) return undefined;
    const now = clock.now();
    if (volumes.retryAt !== undefined && now < volumes.retryAt) return volumes.retryAt;
    if ((pod.spec.volumes ?? []).length === 0) {
      volumes.ready = true;
      return undefined;
    }
    const fresh = volumes.ready && volumes.failures === 0 && !volumes.stale && !changed(volumes.pod, pod);
    const refreshAt = (volumes.setUpAt ?? now) + refreshMilliseconds;
    if (fresh && now < refreshAt) return refreshAt;
    volumes.stale = false;
    volumes.pod = pod;
    volumes.job = this.#setUp(record);
    return undefined;
  }

  /** Waits for a set-up under way, then removes everything. Throws what the volume manager throws. */
  async tearDown(record: PodRecord): Promise<void> {
    await record.volumes.job;
    await this.#options.volumes.tearDown(record.uid);
    record.volumes.ready = false;
  }

  async #setUp(record: PodRecord): Promise<void> {
    const { volumes: manager, events, clock, ended } = this.#options;
    const { volumes, pod } = record;
    try {
      await manager.setUp(pod);
      volumes.ready = true;
      volumes.failures = 0;
      volumes.retryAt = undefined;
    } catch (error) {
      volumes.failures += 1;
      volumes.retryAt = clock.now() + Math.min(firstRetryMilliseconds * 2 ** (volumes.failures - 1), longestRetryMilliseconds);
      if (record.state === 'syncing') events.pod(pod, 'Warning', 'FailedMount', messageOf(error));
    }
    volumes.setUpAt = clock.now();
    volumes.job = undefined;
    ended(record.uid);
  }
}

/** What volumes show of the pod itself: its spec, labels and annotations. */
function changed(before: PodRecord['pod'] | undefined, now: PodRecord['pod']): boolean {
  if (before === now) return false;
  const seen = ({ metadata, spec }: PodRecord['pod']) => JSON.stringify([metadata.labels, metadata.annotations, spec.volumes]);
  return before === undefined || seen(before) !== seen(now);
}
