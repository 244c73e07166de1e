import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Subscription } from 'rxjs';
import type { Pod, PodStatus } from '../../core/api/kubernetes.ts';
import type { ApiClient } from '../../core/kube/api/api-client.ts';
import { ApiPodClient } from '../../core/kube/pods/api-pod-client.ts';
import { ApiPodSource } from '../../core/kube/watch/api-pod-source.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { systemClock } from '../../core/telemetry/system-clock.ts';
import { StatusError, startApiFake } from '../support/api-fake/api-fake.ts';
import type { ApiFake } from '../support/api-fake/api-fake.ts';
import { connect } from '../support/kube-connection.ts';

const podNamed = (name: string, spec: object = {}) => ({ metadata: { name }, spec: { containers: [{ name: 'main', image: 'i' }], ...spec } });

const running: PodStatus = {
  phase: 'Running',
  qosClass: 'BestEffort',
  hostIP: '192.0.2.1',
  hostIPs: [{ ip: '192.0.2.1' }],
  podIP: '192.0.2.1',
  podIPs: [{ ip: '192.0.2.1' }],
  startTime: '2026-01-01T00:00:00Z',
  conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
  containerStatuses: [{ name: 'main', image: 'i', imageID: 'x', ready: true, restartCount: 0, started: true, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }],
};

describe('pods against the API fake', () => {
  let fake: ApiFake;
  let api: ApiClient;
  let client: ApiPodClient;
  let subscription: Subscription;
  const seen: string[] = [];

  beforeEach(async () => {
    fake = await startApiFake();
    api = await connect(fake.kubeconfigPath);
    client = new ApiPodClient({ api, nodeName: fake.nodeName });
    seen.length = 0;
    fake.create('pods', podNamed('first'));
    fake.create('pods', podNamed('elsewhere', { nodeName: 'another' }));
    const source = new ApiPodSource({ api, nodeName: fake.nodeName, clock: systemClock, random: Math.random, logger: silentLogger });
    subscription = source.events$.subscribe((event) => seen.push(event.type === 'SYNCED' ? 'SYNCED' : `${event.type} ${event.object.metadata.name}`));
    await fake.until('the watch', () => fake.watches('pods').length === 1);
  });

  afterEach(async () => {
    subscription.unsubscribe();
    api.close();
    await fake.stop();
  });

  const observed = async () => (await client.get('default', 'first'))!;
  const stored = () => fake.objects.get('pods', 'default', 'first')!;
  const follows = (...events: string[]) => fake.until(events.join(', '), () => events.every((event) => seen.includes(event)));

  describe('the source', () => {
    it('sees the pods of its node only, from list and watch', async () => {
      assert.deepEqual(seen, ['ADDED first', 'SYNCED']);
      fake.create('pods', podNamed('second'));
      fake.delete('pods', 'default', 'first');
      await follows('ADDED second', 'MODIFIED first');
      fake.delete('pods', 'default', 'first', { gracePeriodSeconds: 0 });
      await follows('REMOVED first');
      assert.ok(!seen.some((event) => event.includes('elsewhere')));
    });

    it('survives 410: what vanished meanwhile is REMOVED', async () => {
      fake.create('pods', podNamed('kept'));
      await follows('ADDED kept');
      fake.objects.vanish('pods', 'default', 'first');
      fake.expireWatches();
      await follows('REMOVED first');
      assert.equal(seen.filter((event) => event === 'ADDED kept').length, 1);
    });

    it('goes on after dropped sockets without a new list', async () => {
      fake.dropConnections();
      fake.create('pods', podNamed('second'));
      await follows('ADDED second');
      assert.equal(fake.requests.filter(({ method, url }) => method === 'GET' && url.includes('/pods?') && !url.includes('watch=')).length, 1);
    });

    it('lists anew after bytes that are no event', async () => {
      for (const watch of fake.watches('pods')) watch.raw('{"type": "ADDED", "obj\n');
      await fake.until('a second SYNCED', () => seen.filter((event) => event === 'SYNCED').length === 2);
      fake.create('pods', podNamed('second'));
      await follows('ADDED second');
    });

    it('reads a long list in pages', async () => {
      subscription.unsubscribe();
      for (let index = 0; index < 1200; index++) fake.create('pods', podNamed(`p${index}`));
      fake.requests.length = 0;
      const names = new Set<string>();
      let synced = false;
      subscription = new ApiPodSource({ api, nodeName: fake.nodeName, clock: systemClock, random: Math.random, logger: silentLogger }).events$.subscribe((event) => {
        if (event.type === 'SYNCED') synced = true;
        else names.add(event.object.metadata.name);
      });
      await fake.until('SYNCED', () => synced);
      assert.equal(names.size, 1201);
      assert.equal(fake.requests.filter(({ url }) => url.includes('continue=')).length, 2);
    });
  });

  describe('the status', () => {
    it('is written as a patch with the UID, and not at all when nothing differs', async () => {
      const written = await client.patchStatus(await observed(), running);
      assert.equal(written.outcome, 'written');
      assert.equal(stored()['status'].phase, 'Running');
      assert.deepEqual(fake.requests.at(-1)!.body.metadata, { uid: stored().metadata.uid });
      assert.equal((await client.patchStatus(await observed(), running)).outcome, 'unchanged');
    });

    it('keeps what others wrote: conditions, gates, fields that a kubelet does not own', async () => {
      fake.patch('pods', 'default', 'first', { status: { conditions: [{ type: 'example.com/gate', status: 'True' }], nominatedNodeName: 'x' } }, 'status');
      await client.patchStatus(await observed(), running);
      assert.deepEqual(stored()['status'].conditions.map(({ type }: { type: string }) => type), ['example.com/gate', 'Ready']);
      assert.equal(stored()['status'].nominatedNodeName, 'x');
    });

    it('takes its own conditions away again, and texts and addresses with them', async () => {
      await client.patchStatus(await observed(), { ...running, reason: 'R', message: 'M', conditions: [...running.conditions!, { type: 'PodResizePending', status: 'True' }] });
      const { podIP: _podIP, podIPs: _podIPs, ...without } = running;
      await client.patchStatus(await observed(), without);
      assert.deepEqual(stored()['status'].conditions.map(({ type }: { type: string }) => type), ['Ready']);
      assert.deepEqual([stored()['status'].reason, stored()['status'].message, stored()['status'].podIP, stored()['status'].podIPs], [undefined, undefined, undefined, undefined]);
    });

    it('replaces an address instead of adding one', async () => {
      await client.patchStatus(await observed(), running);
      await client.patchStatus(await observed(), { ...running, podIP: '192.0.2.7', podIPs: [{ ip: '192.0.2.7' }] });
      assert.deepEqual(stored()['status'].podIPs, [{ ip: '192.0.2.7' }]);
    });

    it('says gone for a pod that was replaced or deleted', async () => {
      const before = await observed();
      fake.delete('pods', 'default', 'first', { gracePeriodSeconds: 0 });
      assert.equal((await client.patchStatus(before, running)).outcome, 'gone');
      fake.create('pods', podNamed('first'));
      assert.equal((await client.patchStatus(before, running)).outcome, 'gone');
      assert.equal(stored()['status'].phase, 'Pending');
    });

    it('waits as long as 429 says', async () => {
      fake.faults.add({ method: 'PATCH' }, { kind: 'refuse', error: new StatusError(429, 'TooManyRequests', 'slow down', 1) });
      const started = performance.now();
      assert.equal((await client.patchStatus(await observed(), running)).outcome, 'written');
      assert.ok(performance.now() - started >= 900);
    });

    it('throws what the API server says', async () => {
      await assert.rejects(client.patchStatus(await observed(), { ...running, podIP: '192.0.2.9' }), /must be equal to status.podIP/);
    });
  });

  describe('the end', () => {
    it('finalize deletes the pod that is meant, not its successor', async () => {
      const before = await observed();
      await client.finalize(before);
      assert.equal(fake.objects.get('pods', 'default', 'first'), undefined);
      fake.create('pods', podNamed('first'));
      await client.finalize(before);
      assert.ok(stored());
    });

    it('get answers undefined for no pod and throws when nobody answers', async () => {
      assert.equal(await client.get('default', 'none'), undefined);
      const back = fake.outage();
      await assert.rejects(client.get('default', 'first'));
      back();
      assert.ok((await client.get('default', 'first')) satisfies Pod | undefined);
    });
  });
});
