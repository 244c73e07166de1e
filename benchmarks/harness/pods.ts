import type { ApiClient, ApiObject } from '../../test/cluster/api-client.ts';
import { exitsLabel } from './null-node.ts';

/**
 * `plain`: nothing but a container. `default`: as people write pods: the API server adds a service account token
 * volume, and the node the service links.
 */
export const podForms = ['plain', 'default'] as const;
export type PodForm = (typeof podForms)[number];

/** Images of the programs in benchmarks/modules. */
export interface Images {
  readonly sleep: string;
  readonly exit: string;
}

export const namespace = 'benchmark';

/** A pod that is bound to the node already: the scheduler has no part in what is measured. */
export function podObject(name: string, node: string, form: PodForm, image: keyof Images, images: Images): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: image === 'exit' ? { [exitsLabel]: '' } : {} },
    spec: {
      nodeName: node,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      tolerations: [{ operator: 'Exists' }],
      ...(form === 'plain' && { automountServiceAccountToken: false, enableServiceLinks: false }),
      containers: [{ name: 'main', image: images[image], imagePullPolicy: 'IfNotPresent' }],
    },
  };
}

export async function createPod(client: ApiClient, pod: ApiObject): Promise<void> {
  await client.request('POST', `/api/v1/namespaces/${namespace}/pods`, pod);
}

export async function deletePod(client: ApiClient, name: string): Promise<void> {
  await client.request('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`);
}
