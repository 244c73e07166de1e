import type { Pod, PodStatus } from '../../api/kubernetes.ts';
import type { ApiClient } from '../api/api-client.ts';
import { isConflict, isNotFound } from '../api/api-error.ts';
import { resourcePath } from '../api/resources.ts';
import type { PodClient } from '../kube.ts';
import { podStatusPatch } from './pod-status-patch.ts';

export class ApiPodClient implements PodClient {
  readonly #api: ApiClient;

  constructor({ api }: { api: ApiClient }) {
    this.#api = api;
  }

  async get(namespace: string, name: string): Promise<Pod | undefined> {
    try {
      return await this.#api.call<Pod>({ method: 'GET', path: resourcePath('pods', { namespace, name }) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
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
      if (isNotFound(error) || isConflict(error)) return { outcome: 'gone' };
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
