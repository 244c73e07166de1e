import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../../core/api/kubernetes.ts';
import type { ApiClient } from '../../../core/kube/api/api-client.ts';
import { TokenCache } from '../../../core/kube/objects/token-cache.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

const hour = 3600_000;
const pod: Pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [] } };

describe('TokenCache', () => {
  const start = (lifetime: number) => {
    const clock = new VirtualClock();
    const issuer = { issued: 0, away: false };
    const api = {
      call: async () => {
        if (issuer.away) throw new Error('ECONNREFUSED');
        return { status: { token: `t${++issuer.issued}`, expirationTimestamp: new Date(clock.now() + lifetime).toISOString() } };
      },
    } as unknown as ApiClient;
    const cache = new TokenCache({ api, clock, random: () => 0, logger: silentLogger });
    return { issuer, get: async () => (await cache.get(pod, 'a', 3600)).token, pass: (milliseconds: number) => clock.advance(milliseconds, async () => {}) };
  };

  it('keeps a token for 80 % of its life', async () => {
    const { get, pass } = start(hour);
    assert.equal(await get(), 't1');
    await pass(0.8 * hour - 1);
    assert.equal(await get(), 't1');
    await pass(1);
    assert.equal(await get(), 't2');
  });

  it('keeps none longer than a day', async () => {
    const { get, pass } = start(1000 * hour);
    await get();
    await pass(24 * hour - 1);
    assert.equal(await get(), 't1');
    await pass(1);
    assert.equal(await get(), 't2');
  });

  it('goes on with the old one while it is valid and nobody renews it', async () => {
    const { get, pass, issuer } = start(hour);
    await get();
    issuer.away = true;
    await pass(0.9 * hour);
    assert.equal(await get(), 't1');
    await pass(0.1 * hour);
    await assert.rejects(get(), /ECONNREFUSED/);
  });
});
