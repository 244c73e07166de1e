import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lease } from '../../../core/api/kubernetes.ts';
import { ApiError } from '../../../core/kube/api/api-error.ts';
import type { ApiNodeClient } from '../../../core/kube/node/api-node-client.ts';
import { LeaseKeeper } from '../../../core/kube/node/lease-keeper.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** An API server with one lease. */
class Leases {
  stored: Lease | undefined;
  failure: Error | undefined;
  readonly calls: string[] = [];

  readonly client = {
    name: 'n',
    getLease: () => this.#answer('get', () => this.stored),
    createLease: (lease: Lease) => this.#answer('create', () => (this.stored = versioned(lease, 1))),
    updateLease: (lease: Lease) =>
      this.#answer('update', () => {
        if (this.stored === undefined) throw new ApiError(404, undefined, 'PUT');
        if (lease.metadata?.resourceVersion !== this.stored.metadata?.resourceVersion) throw new ApiError(409, undefined, 'PUT');
        return (this.stored = versioned(lease, Number(lease.metadata?.resourceVersion) + 1));
      }),
  } as unknown as ApiNodeClient;

  async #answer<T>(call: string, result: () => T): Promise<T> {
    this.calls.push(call);
    if (this.failure !== undefined) throw this.failure;
    return result();
  }
}

function versioned(lease: Lease, version: number): Lease {
  return { ...lease, metadata: { ...lease.metadata, resourceVersion: String(version) } };
}

async function withKeeper(test: (leases: Leases, clock: VirtualClock, keeper: LeaseKeeper) => Promise<void>, uid: () => string | undefined = () => 'u'): Promise<void> {
  const leases = new Leases();
  const clock = new VirtualClock();
  const keeper = new LeaseKeeper({ client: leases.client, nodeUid: uid, clock, logger: silentLogger });
  keeper.start();
  try {
    await test(leases, clock, keeper);
  } finally {
    await keeper.stop();
  }
}

describe('LeaseKeeper', () => {
  it('creates the lease, then renews it every ten seconds without reading it', () =>
    withKeeper(async (leases, clock) => {
      await clock.advance(30_000, settle);
      assert.deepEqual(leases.calls, ['get', 'create', 'update', 'update', 'update']);
      assert.equal(leases.stored?.spec?.renewTime, '2026-01-01T00:00:30.000000Z');
    }));

  it('makes a lease that was deleted anew in the same round', () =>
    withKeeper(async (leases, clock) => {
      await clock.advance(10_000, settle);
      leases.stored = undefined;
      leases.calls.length = 0;
      await clock.advance(10_000, settle);
      assert.deepEqual(leases.calls, ['update', 'get', 'create']);
    }));

  it('reads it again when somebody else wrote it', () =>
    withKeeper(async (leases, clock) => {
      await clock.advance(10_000, settle);
      leases.stored = versioned(leases.stored!, 99);
      leases.calls.length = 0;
      await clock.advance(10_000, settle);
      assert.deepEqual(leases.calls, ['update', 'get', 'update']);
      assert.equal(leases.stored.metadata?.resourceVersion, '100');
    }));

  it('never gives up: minutes of outage, then it renews', () =>
    withKeeper(async (leases, clock, keeper) => {
      leases.failure = new Error('connect ECONNREFUSED');
      await clock.advance(600_000, settle);
      assert.equal(keeper.lastRenewal, undefined);
      assert.ok(leases.calls.length > 60 && leases.calls.length < 200, `${leases.calls.length} tries`);
      leases.failure = undefined;
      await clock.advance(10_000, settle);
      assert.notEqual(keeper.lastRenewal, undefined);
    }));

  it('makes no lease before the node is known: it needs an owner', async () => {
    let uid: string | undefined;
    await withKeeper(
      async (leases, clock) => {
        await clock.advance(60_000, settle);
        assert.deepEqual(leases.calls, []);
        uid = 'late';
        await clock.advance(10_000, settle);
        assert.equal(leases.stored?.metadata?.ownerReferences?.[0]?.uid, 'late');
      },
      () => uid,
    );
  });
});
