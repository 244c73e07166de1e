import type { Observable } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Pod, WatchEvent } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { ApiClient } from '../api/api-client.ts';
import { resourcePath } from '../api/resources.ts';
import type { PodSource } from '../kube.ts';
import { apiSource } from './api-source.ts';
import { listWatch } from './list-watch.ts';

/** The pods that the scheduler (or anybody) bound to this node. */
export class ApiPodSource implements PodSource {
  readonly name = 'api';
  readonly events$: Observable<WatchEvent<Pod>>;

  constructor({ api, nodeName, clock, random, logger }: { api: ApiClient; nodeName: string; clock: Clock; random: () => number; logger: Logger }) {
    this.events$ = listWatch<Pod>({
      source: apiSource(api, resourcePath('pods'), { fieldSelector: `spec.nodeName=${nodeName}` }),
      clock,
      random,
      project: withoutManagedFields,
      onFailure: (error, context) => logger.warn({ error: messageOf(error), ...context }, 'Watch of pods failed'),
    });
  }
}

/** Who set which field: often half of a pod's bytes, and nobody here reads it. */
function withoutManagedFields(pod: Pod): Pod {
  const { managedFields: _, ...metadata } = pod.metadata;
  return { ...pod, metadata };
}
