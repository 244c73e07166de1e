import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Pod } from '../../core/api/kubernetes.ts';
import type { ApiClient } from '../../core/kube/api/api-client.ts';
import { ApiObjectReader } from '../../core/kube/objects/api-object-reader.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { VirtualClock } from '../support/kubelet/virtual-clock.ts';
import { systemClock } from '../../core/telemetry/system-clock.ts';
import { StatusError, startApiFake } from '../support/api-fake/api-fake.ts';
import type { ApiFake } from '../support/api-fake/api-fake.ts';
import { connect } from '../support/kube-connection.ts';

describe('what pods refer to, against the API fake', () => {
  let fake: ApiFake;
  let api: ApiClient;
  let reader: ApiObjectReader;
  let pod: Pod;
  const changes: string[] = [];

  beforeEach(async () => {
    fake = await startApiFake();
    api = await connect(fake.kubeconfigPath);
    reader = new ApiObjectReader({ api, clock: systemClock, random: Math.random, logger: silentLogger });
    changes.length = 0;
    reader.changes$.subscribe((uid) => changes.push(uid));
    const spec = { containers: [{ name: 'main', image: 'i', envFrom: [{ configMapRef: { name: 'settings' } }] }], volumes: [{ name: 'v', secret: { secretName: 'password' } }] };
    pod = fake.create('pods', { metadata: { name: 'p' }, spec }) as unknown as Pod;
  });

  afterEach(async () => {
    reader.close();
    api.close();
    await fake.stop();
  });

  const setting = async () => (await reader.configMap('default', 'settings'))?.data?.['key'];

  it('reads from one watch per object, sees changes, and wakes the pods that use it', async () => {
    fake.create('configmaps', { metadata: { name: 'settings' }, data: { key: 'one' } });
    reader.retain(pod);
    assert.equal(await setting(), 'one');
    assert.equal(await setting(), 'one');
    await fake.until('the watch', () => fake.watches('configmaps').length === 1);
    assert.equal(fake.requests.length, 2, 'one list and one watch');
    fake.patch('configmaps', 'default', 'settings', { data: { key: 'two' } });
    await fake.until('the change', () => changes.length > 0);
    assert.deepEqual(changes, [pod.metadata.uid]);
    assert.equal(await setting(), 'two');
  });

  it('an object that is not there is undefined, until it comes', async () => {
    reader.retain(pod);
    assert.equal(await reader.secret('default', 'password'), undefined);
    await fake.until('the watch', () => fake.watches('secrets').length === 1);
    fake.create('secrets', { metadata: { name: 'password' }, data: { p: 'eA==' } });
    await fake.until('the change', () => changes.length === 1);
    assert.equal((await reader.secret('default', 'password'))?.data?.['p'], 'eA==');
    fake.delete('secrets', 'default', 'password');
    await fake.until('the change', () => changes.length === 2);
    assert.equal(await reader.secret('default', 'password'), undefined);
  });

  it('waits out the moment in which the authorizer does not know the binding yet', async () => {
    fake.create('configmaps', { metadata: { name: 'settings' }, data: { key: 'one' } });
    fake.faults.add({ path: /configmaps/ }, { kind: 'refuse', error: new StatusError(403, 'Forbidden', 'no relationship found') }, 2);
    reader.retain(pod);
    assert.equal(await setting(), 'one');
  });

  it('throws when the API server is away and nothing is known, answers from the watch when something is', async () => {
    fake.create('configmaps', { metadata: { name: 'settings' }, data: { key: 'one' } });
    reader.retain(pod);
    assert.equal(await setting(), 'one');
    const back = fake.outage();
    assert.equal(await setting(), 'one');
    await assert.rejects(reader.secret('default', 'password'));
    back();
    assert.equal(await reader.secret('default', 'password'), undefined);
  });

  it('closes the watch of an immutable object, and of one that no pod needs any more', async () => {
    fake.create('configmaps', { metadata: { name: 'settings' }, data: { key: 'fixed' }, immutable: true });
    fake.create('secrets', { metadata: { name: 'password' }, data: {} });
    reader.retain(pod);
    assert.equal(await setting(), 'fixed');
    await reader.secret('default', 'password');
    await fake.until('the watch', () => fake.watches('secrets').length === 1);
    assert.equal(fake.watches('configmaps').length, 0);
    reader.release(pod.metadata.uid);
    await fake.until('no watch', () => fake.watches().length === 0);
  });

  it('watches a ConfigMap that no pod needs any more for a minute, for the next such pod', async () => {
    reader.close();
    const clock = new VirtualClock();
    reader = new ApiObjectReader({ api, clock, random: () => 0, logger: silentLogger });
    fake.create('configmaps', { metadata: { name: 'settings' }, data: { key: 'one' } });
    const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
    const watches = (count: number) => fake.until(`${count} watches`, () => {
      void clock.advance(0, settle);
      return fake.watches('configmaps').length === count;
    });
    reader.retain(pod);
    const first = setting();
    await watches(1);
    assert.equal(await first, 'one');
    const asked = fake.requests.length;
    reader.release(pod.metadata.uid);
    await clock.advance(10_000, settle);
    reader.retain(pod);
    assert.equal(await setting(), 'one');
    assert.equal(fake.requests.length, asked);
    reader.release(pod.metadata.uid);
    await clock.advance(60_000, settle);
    await watches(0);
  });

  it('closes a watch that nobody reads for five minutes, and opens it for the next reader', async () => {
    reader.close();
    const clock = new VirtualClock();
    reader = new ApiObjectReader({ api, clock, random: () => 0, logger: silentLogger });
    fake.create('configmaps', { metadata: { name: 'settings' }, data: { key: 'one' } });
    reader.retain(pod);
    const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
    const read = async () => {
      const value = setting();
      await fake.until('the watch', () => {
        void clock.advance(0, settle);
        return fake.watches('configmaps').length === 1;
      });
      return value;
    };
    assert.equal(await read(), 'one');
    // Bookmarks keep the watch from falling silent.
    for (let minute = 0; minute < 4; minute++) {
      fake.bookmark();
      await new Promise((resolve) => setTimeout(resolve, 20));
      await clock.advance(60_000, settle);
    }
    assert.equal(fake.watches('configmaps').length, 1);
    await clock.advance(60_000, settle);
    await fake.until('no watch', () => fake.watches('configmaps').length === 0);
    assert.equal(await read(), 'one');
  });

  it('lists services once, keeps what makes variables of them, and follows', async () => {
    fake.create('services', { metadata: { name: 's', labels: { big: 'x' } }, spec: { clusterIP: '10.0.0.1', type: 'ClusterIP', selector: { a: 'b' }, ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }] } });
    const [service] = await reader.services();
    assert.deepEqual(service?.spec, { type: 'ClusterIP', clusterIP: '10.0.0.1', ports: [{ name: undefined, port: 80, protocol: 'TCP' }] });
    assert.equal(service?.metadata?.labels, undefined);
    await fake.until('the watch', () => fake.watches('services').length === 1);
    fake.create('services', { metadata: { name: 't' }, spec: { clusterIP: 'None' } });
    for (let tries = 0; (await reader.services()).length < 2; tries++) {
      assert.ok(tries < 1000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });

  it('knows runtime classes, even one made a moment ago', async () => {
    assert.equal(await reader.runtimeClass('wasmlet'), undefined);
    fake.create('runtimeclasses', { metadata: { name: 'wasmlet' }, handler: 'wasmlet' });
    assert.equal((await reader.runtimeClass('wasmlet'))?.handler, 'wasmlet');
  });

  describe('service account tokens', () => {
    it('are bound to the pod, cached, and forgotten with it', async () => {
      const first = await reader.serviceAccountToken(pod, 'vault', 3600);
      assert.deepEqual(await reader.serviceAccountToken(pod, 'vault', 3600), first);
      const request = fake.requests.find(({ url }) => url.endsWith('/token'))!;
      assert.equal(request.url, '/api/v1/namespaces/default/serviceaccounts/default/token');
      assert.deepEqual(request.body.spec, { audiences: ['vault'], expirationSeconds: 3600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.metadata.uid } });
      reader.release(pod.metadata.uid);
      assert.notEqual((await reader.serviceAccountToken(pod, 'vault', 3600)).token, first.token);
    });

    it('are asked for again while the authorizer has not heard of the binding', async () => {
      fake.faults.add({ method: 'POST', path: /\/token$/ }, { kind: 'refuse', error: new StatusError(403, 'Forbidden', 'not yet') }, 2);
      assert.ok((await reader.serviceAccountToken(pod, undefined, 3600)).token);
      assert.equal(fake.requests.filter(({ url }) => url.endsWith('/token')).length, 3);
    });

    it('are one request for many askers', async () => {
      const tokens = await Promise.all([1, 2, 3].map(() => reader.serviceAccountToken(pod, undefined, 3600)));
      assert.equal(new Set(tokens.map(({ token }) => token)).size, 1);
    });
  });
});
