import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { ContainerStats, PodSandboxObservation } from '../api/engine.ts';
import { messageOf, WasmletError, type ErrorCode } from '../api/errors.ts';
import type { Event, Pod } from '../api/kubernetes.ts';
import type { PluginOutcome } from '../api/plugin.ts';
import { readLocalEndpoint, type LocalEndpoint } from './local-endpoint.ts';

/** What a refusal of the node means to the user. */
const codes: Readonly<Record<number, ErrorCode>> = { 400: 'NOT_FOUND', 404: 'NOT_FOUND', 422: 'USAGE' };

/** The HTTPS port as `wasmlet ps`, `logs` and `describe` see it: the node of a root directory on this machine, by its local credential. */
export class LocalClient {
  readonly #endpoint: LocalEndpoint;

  private constructor(endpoint: LocalEndpoint) {
    this.#endpoint = endpoint;
  }

  /** Throws NODE_UNREACHABLE when no node has left its credential in the root directory. */
  static async find(rootDirectory: string): Promise<LocalClient> {
    const endpoint = await readLocalEndpoint(path.join(rootDirectory, 'local'));
    if (endpoint.certificate === undefined) throw new WasmletError('NODE_UNREACHABLE', 'the node waits for its serving certificate; somebody must approve its request (kubectl get csr)');
    return new LocalClient(endpoint);
  }

  async pods(): Promise<readonly Pod[]> {
    return (await this.#json<{ readonly items: readonly Pod[] }>('/pods')).items;
  }

  /** Oldest first; undefined when the cluster has them and the node does not. */
  async events(podUid: string): Promise<readonly Event[] | undefined> {
    return (await this.#json<{ readonly items?: readonly Event[] }>(`/wasmlet/v1/events/${encodeURIComponent(podUid)}`)).items;
  }

  /** What the engine has of each pod: which runtime, which attempt. */
  async sandboxes(): Promise<readonly PodSandboxObservation[]> {
    return (await this.#json<{ readonly items: readonly PodSandboxObservation[] }>('/wasmlet/v1/sandboxes')).items;
  }

  /** What the containers that run use. */
  async stats(): Promise<readonly ContainerStats[]> {
    return (await this.statsReading()).items;
  }

  /** With the time that reading them took in the node. */
  statsReading(): Promise<{ readonly readMilliseconds: number; readonly items: readonly ContainerStats[] }> {
    return this.#json('/wasmlet/v1/stats');
  }

  /** Prometheus' text format. */
  async metrics(): Promise<string> {
    return text(await this.#get('/metrics'));
  }

  async plugins(): Promise<readonly PluginOutcome[]> {
    return (await this.#json<{ readonly items: readonly PluginOutcome[] }>('/wasmlet/v1/plugins')).items;
  }

  /** The log as it comes. `query` as the kubelet's containerLogs takes it. Throws NODE_UNREACHABLE also when the node goes in mid-log. */
  async *logs(pod: Pod, container: string, query: URLSearchParams): AsyncGenerator<Buffer> {
    const { namespace, name } = pod.metadata;
    const target = [namespace, name, container].map(encodeURIComponent).join('/');
    const response = await this.#get(`/containerLogs/${target}?${query.toString()}`);
    try {
      yield* response as AsyncIterable<Buffer>;
    } catch (error) {
      throw new WasmletError('NODE_UNREACHABLE', `the node broke off: ${messageOf(error)}`, { cause: error });
    }
  }

  async #json<T>(target: string): Promise<T> {
    return JSON.parse(await text(await this.#get(target))) as T;
  }

  async #get(target: string): Promise<IncomingMessage> {
    const { url, token, certificate } = this.#endpoint;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      // The node's own certificate is pinned: its names are those of the cluster, not of this loopback connection.
      const tls = { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
      request(`${url}${target}`, { ...tls, agent: false, headers: { authorization: `Bearer ${token}` } }, resolve).on('error', reject).end();
    }).catch((error: unknown) => {
      throw new WasmletError('NODE_UNREACHABLE', `the node at ${url} does not answer: ${messageOf(error)}`, { cause: error });
    });
    if (response.statusCode === 200) return response;
    const status = response.statusCode ?? 0;
    throw new WasmletError(codes[status] ?? 'NODE_UNREACHABLE', refusal(status, await text(response)));
  }
}

/** The node's own words; `{"message": …}` unwrapped. */
function refusal(status: number, body: string): string {
  try {
    const { message } = JSON.parse(body) as { readonly message?: string };
    if (message !== undefined) return message;
  } catch {
    // Plain text, as most answers on this port.
  }
  return body.trim() === '' ? `the node answered ${status}` : body.trim();
}
