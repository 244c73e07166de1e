import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Pod } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import { parseQuantity } from '../../pod/quantity.ts';
import type { VolumeManager } from '../../volume/volume-manager.ts';

export interface EmptyDirEvictorOptions {
  /** Pods that may run. */
  readonly pods: () => readonly Pod[];
  readonly volumes: Pick<VolumeManager, 'emptyDirBytes'>;
  readonly evict: (pod: Pod, message: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** As often as upstream's eviction manager looks (eviction_manager.go, monitoringInterval). */
const roundMilliseconds = 10_000;

/**
 * Ends pods whose emptyDir on disk holds more than its `sizeLimit` (upstream's emptyDirLimitEviction). Those of medium Memory
 * have their limit from the file system. What a guest writes between two rounds is on the disk before it is seen.
 */
export class EmptyDirEvictor {
  readonly #options: EmptyDirEvictorOptions;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(options: EmptyDirEvictorOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopped) return;
    this.#cancel = this.#options.clock.after(roundMilliseconds, () => void this.#round().finally(() => this.start()));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #round(): Promise<void> {
    const { pods, volumes, evict, logger } = this.#options;
    for (const pod of pods()) {
      if (pod.spec.volumes === undefined) continue;
      for (const { name, emptyDir } of pod.spec.volumes) {
        if (emptyDir?.sizeLimit === undefined || (emptyDir.medium ?? '') !== '') continue;
        try {
          const limit = Number(parseQuantity(emptyDir.sizeLimit));
          if (limit <= 0 || (await volumes.emptyDirBytes(pod.metadata.uid, name, limit)) <= limit) continue;
          evict(pod, `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(emptyDir.sizeLimit)}. `);
          break;
        } catch (error) {
          logger.warn({ pod: pod.metadata.name, namespace: pod.metadata.namespace, volume: name, error: messageOf(error) }, 'what an emptyDir volume holds could not be read');
        }
      }
    }
  }
}
