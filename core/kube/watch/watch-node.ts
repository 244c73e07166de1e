import type { Observable } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Node, WatchEvent } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { ApiClient } from '../api/api-client.ts';
import { resourcePath } from '../api/resources.ts';
import { apiSource } from './api-source.ts';
import { listWatch } from './list-watch.ts';

/** This one node's object, as the Node authorizer lets a kubelet watch it. */
export function watchNode({ api, nodeName, clock, random, logger }: { api: ApiClient; nodeName: string; clock: Clock; random: () => number; logger: Logger }): Observable<WatchEvent<Node>> {
  return listWatch<Node>({
    source: apiSource(api, resourcePath('nodes'), { fieldSelector: `metadata.name=${nodeName}` }),
    clock,
    random,
    onFailure: (error, context) => logger.warn({ error: messageOf(error), ...context }, 'Watch of the node failed'),
  });
}
