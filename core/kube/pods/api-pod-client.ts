import type { Pod, PodStatus } from '../../api/kubernetes.ts';
import type { ApiClient } from '../api/api-client.ts';
import { isConflict, isNotFound, isOtherUid } from '../api/api-error.ts';
import type { ApiList } from '../api/resources.ts';
import { resourcePath } from '../api/resources.ts';
import type { PodClient } from '../kube.ts';
import { podStatusPatch } from './pod-status-patch.ts';

export class ApiPodClient implements PodClient {
  readonly #api: ApiClient;
  readonly #nodeName: string;

  constructor({ api, nodeName }: { api: ApiClient; nodeName: string }) {
    this.#api = api;
    this.#nodeName = nodeName;
  }

  /** By a list of one: a GET is forbidden, not "not found", for a pod that is gone or whose binding the authorizer has yet to see. */
  async get(namespace: string, name: string): Promise<Pod | undefined> {
    const fieldSelector = `metadata.name=${name},spec.nodeName=${this.#nodeName}`;
    const { items } = await this.#api.call<ApiList<Pod>>({ method: 'GET', path: resourcePath('pods', { namespace }), query: { fieldSelector } });
    return items?.[0];
  }

  async patchStatus(observed: Pod, status: PodStatus): ReturnType<PodClient['patchStatus']> {
    const body = podStatusPatch(observed, status);
    if (body === undefined) return { outcome: 'unchanged' };
    const { namespace, name } = observed.metadata;
    try {
      const path = resourcePath('pods', { namespace, name, subresource: 'status' });
      return { outcome: 'written', pod: await this.#api.call<Pod>({ method: 'PATCH', path, body, contentType: 'application/strategic-merge-patch+json' }) };
    } catch (error) {
      // No resourceVersion is sent, so that a conflict can only be the UID's.
      if (isNotFound(error) || isOtherUid(error)) return { outcome: 'gone' };
      throw error;
    }
  }

  async finalize(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
    try {
      await this.#api.call({ method: 'DELETE', path: resourcePath('pods', { namespace, name }), body });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}
