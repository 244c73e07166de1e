import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Lease } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import { isConflict, isNotFound } from '../api/api-error.ts';
import type { ApiNodeClient } from './api-node-client.ts';

const triesPerRenewal = 5;

export interface LeaseKeeperOptions {
  readonly client: ApiNodeClient;
  readonly nodeUid: () => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** spec.leaseDurationSeconds, 40 by default. */
  readonly durationSeconds?: number;
}

/**
 * Renews `kube-node-lease/<node>` four times in its duration, for as long as the process lives: whatever fails, the next
 * round tries again. A lease that vanished is made anew (Krustlet died of it). `nodeUid` undefined: not registered yet.
 */
export class LeaseKeeper {
  readonly #durationSeconds: number;
  readonly #client: ApiNodeClient;
  readonly #nodeUid: () => string | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stopped = new AbortController();
  #lease: Lease | undefined;
  #running: Promise<void> | undefined;
  #lastRenewal: number | undefined;

  constructor({ client, nodeUid, clock, logger, durationSeconds = 40 }: LeaseKeeperOptions) {
    this.#durationSeconds = durationSeconds;
    this.#client = client;
    this.#nodeUid = nodeUid;
    this.#clock = clock;
    this.#logger = logger;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** Monotonic milliseconds of the last renewal that the API server confirmed. */
  get lastRenewal(): number | undefined {
    return this.#lastRenewal;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    let wait = 200;
    while (!signal.aborted) {
      const started = this.#clock.monotonic();
      const held = await this.#round();
      // Without a lease the node is soon taken for dead: ask again sooner, with back-off. With one: the usual beat.
      wait = held ? 200 : Math.min(7_000, wait * 2);
      const pause = held ? Math.max(0, this.#durationSeconds * 250 - (this.#clock.monotonic() - started)) : wait;
      await this.#clock.sleep(pause, signal);
    }
  }

  /** True once the lease is renewed. Never throws. */
  async #round(): Promise<boolean> {
    for (let attempt = 1; attempt <= triesPerRenewal && !this.#stopped.signal.aborted; attempt++) {
      const uid = this.#nodeUid();
      if (uid === undefined) return false;
      try {
        this.#lease = this.#lease === undefined ? await this.#ensure(uid) : await this.#client.updateLease(this.#fresh(this.#lease, uid));
        this.#lastRenewal = this.#clock.monotonic();
        return true;
      } catch (error) {
        // Another copy is newer, or the lease was deleted: read it again before the next try.
        this.#lease = undefined;
        if (isConflict(error) || isNotFound(error)) continue;
        this.#logger.warn({ error: messageOf(error), attempt }, 'Lease was not renewed');
        return false;
      }
    }
    return false;
  }

  async #ensure(uid: string): Promise<Lease> {
    const existing = await this.#client.getLease();
    if (existing !== undefined) return this.#client.updateLease(this.#fresh(existing, uid));
    return this.#client.createLease(this.#fresh({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: this.#client.name, namespace: 'kube-node-lease' } }, uid));
  }

  #fresh(lease: Lease, uid: string): Lease {
    const { name } = this.#client;
    return {
      ...lease,
      metadata: { ...lease.metadata, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
      spec: { ...lease.spec, holderIdentity: name, leaseDurationSeconds: this.#durationSeconds, renewTime: microTime(this.#clock.now()) },
    };
  }
}

/** metav1.MicroTime: six decimals, always. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
