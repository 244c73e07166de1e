import { createHash } from 'node:crypto';
import type { Clock } from '../api/clock.ts';
import { messageOf } from '../api/errors.ts';
import type { SubjectAccessReview, TokenReview } from '../api/kubernetes.ts';
import type { Logger } from '../api/logger.ts';
import type { ApiClient } from './api/api-client.ts';
import { resourcePath } from './api/resources.ts';
import type { ResourceAttributes, ReviewClient, User } from './kube.ts';

/** KubeletConfiguration: authentication.webhook.cacheTTL, authorization.webhook.cache(Un)authorizedTTL. */
const authenticatedFor = 120_000;
const allowedFor = 300_000;
const deniedFor = 30_000;
const cacheSize = 1024;
/** A request to the node waits for the answer. */
const deadline = 10_000;

interface Cached<T> {
  readonly value: T;
  readonly until: number;
}

/** Asks the API server who somebody is and what they may do. Whoever cannot be asked about is denied. */
export class ApiReviewClient implements ReviewClient {
  readonly #api: ApiClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #users = new Map<string, Cached<User | undefined>>();
  readonly #decisions = new Map<string, Cached<{ readonly allowed: boolean; readonly reason?: string }>>();

  constructor({ api, clock, logger }: { api: ApiClient; clock: Clock; logger: Logger }) {
    this.#api = api;
    this.#clock = clock;
    this.#logger = logger;
  }

  async authenticate(token: string): Promise<User | undefined> {
    // Tokens themselves stay out of memory that outlives the request.
    const key = createHash('sha256').update(token).digest('hex');
    const cached = this.#fresh(this.#users, key);
    if (cached !== undefined) return cached.value;
    const body: TokenReview = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    try {
      const { status } = await this.#api.call<TokenReview>({ method: 'POST', path: resourcePath('tokenreviews'), body, deadline });
      const user = status?.authenticated === true && status.user?.username ? { name: status.user.username, groups: status.user.groups ?? [], ...(status.user.uid === undefined ? {} : { uid: status.user.uid }) } : undefined;
      this.#store(this.#users, key, user, user === undefined ? deniedFor : authenticatedFor);
      return user;
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'TokenReview failed');
      return undefined;
    }
  }

  async authorize(user: User, attributes: ResourceAttributes): Promise<{ readonly allowed: boolean; readonly reason?: string }> {
    const key = JSON.stringify([user.name, user.uid, user.groups, attributes]);
    const cached = this.#fresh(this.#decisions, key);
    if (cached !== undefined) return cached.value;
    const body: SubjectAccessReview = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: user.name, groups: [...user.groups], ...(user.uid === undefined ? {} : { uid: user.uid }), resourceAttributes: { group: '', version: 'v1', ...attributes } },
    };
    try {
      const { status } = await this.#api.call<SubjectAccessReview>({ method: 'POST', path: resourcePath('subjectaccessreviews'), body, deadline });
      const decision = { allowed: status?.allowed === true && status.denied !== true, ...(status?.reason ? { reason: status.reason } : {}) };
      this.#store(this.#decisions, key, decision, decision.allowed ? allowedFor : deniedFor);
      return decision;
    } catch (error) {
      this.#logger.warn({ error: messageOf(error), user: user.name }, 'SubjectAccessReview failed');
      return { allowed: false, reason: 'the API server could not be asked' };
    }
  }

  #fresh<T>(cache: Map<string, Cached<T>>, key: string): Cached<T> | undefined {
    const cached = cache.get(key);
    return cached !== undefined && this.#clock.monotonic() < cached.until ? cached : undefined;
  }

  #store<T>(cache: Map<string, Cached<T>>, key: string, value: T, duration: number): void {
    cache.delete(key);
    cache.set(key, { value, until: this.#clock.monotonic() + duration });
    if (cache.size > cacheSize) cache.delete(cache.keys().next().value!);
  }
}
