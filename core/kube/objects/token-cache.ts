import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Pod, TokenRequest } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { ApiClient } from '../api/api-client.ts';
import { isForbidden } from '../api/api-error.ts';
import { resourcePath } from '../api/resources.ts';

export interface ServiceAccountToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface Entry extends ServiceAccountToken {
  /** From here on a new one is asked for. */
  readonly refreshAt: number;
}

const longestUse = 24 * 3600_000;
const longestJitter = 10_000;
/** So long a 403 may still turn into a token, and the first pause before it is asked for again. */
const bindingDelay = 2_000;
const firstPause = 10;

/** Service account tokens bound to pods (kubelet: token.Manager): renewed at 80 % of their life or after a day, the old one used while it is valid. */
export class TokenCache {
  readonly #api: ApiClient;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  /** By pod, then by what was asked for. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #requests = new Map<string, Promise<Entry>>();

  constructor({ api, clock, random, logger }: { api: ApiClient; clock: Clock; random: () => number; logger: Logger }) {
    this.#api = api;
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger;
  }

  /** `audience` undefined: the API server's own. Throws when there is no valid token and none can be had. */
  async get(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<ServiceAccountToken> {
    const account = pod.spec.serviceAccountName ?? 'default';
    const key = JSON.stringify([pod.metadata.uid, account, audience, expirationSeconds]);
    const entry = this.#entries.get(pod.metadata.uid)?.get(key);
    if (entry !== undefined && this.#clock.now() < entry.refreshAt) return entry;
    try {
      let request = this.#requests.get(key);
      if (request === undefined) {
        request = this.#request(pod, account, audience, expirationSeconds).finally(() => this.#requests.delete(key));
        this.#requests.set(key, request);
      }
      const fresh = await request;
      this.#keep(pod.metadata.uid, key, fresh);
      return fresh;
    } catch (error) {
      if (entry === undefined || this.#clock.now() >= entry.expiresAt) throw error;
      this.#logger.warn({ error: messageOf(error), pod: pod.metadata.name, namespace: pod.metadata.namespace }, 'Token was not renewed, the old one is still valid');
      return entry;
    }
  }

  release(podUid: string): void {
    this.#entries.delete(podUid);
  }

  #keep(podUid: string, key: string, entry: Entry): void {
    const entries = this.#entries.get(podUid);
    if (entries === undefined) this.#entries.set(podUid, new Map([[key, entry]]));
    else entries.set(key, entry);
  }

  /** The node authorizer learns of a pod's binding a moment after the node: until then it refuses. */
  async #post(path: string, body: TokenRequest): Promise<TokenRequest> {
    const end = this.#clock.monotonic() + bindingDelay;
    for (let pause = firstPause; ; pause *= 2) {
      try {
        return await this.#api.call<TokenRequest>({ method: 'POST', path, body });
      } catch (error) {
        if (!isForbidden(error) || this.#clock.monotonic() + pause >= end) throw error;
        await this.#clock.sleep(pause);
      }
    }
  }

  async #request(pod: Pod, account: string, audience: string | undefined, expirationSeconds: number): Promise<Entry> {
    const { namespace, name, uid } = pod.metadata;
    const body: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: audience === undefined || audience === '' ? [] : [audience], expirationSeconds, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
    };
    const { status } = await this.#post(resourcePath('serviceaccounts', { namespace, name: account, subresource: 'token' }), body);
    if (status?.token === undefined || status.expirationTimestamp === undefined) throw new Error(`TokenRequest for ${namespace}/${account} was answered without a token`);
    const now = this.#clock.now();
    const expiresAt = Date.parse(status.expirationTimestamp);
    // The life that was granted may be longer than what was asked for: count from what the API server says.
    const refreshAt = now + Math.min(0.8 * (expiresAt - now), longestUse) - longestJitter * this.#random();
    return { token: status.token, expiresAt, refreshAt };
  }
}
