/** `kill -9` of a node in the middle of everything, while its status writes are slow. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../core/api/kubernetes.ts';
import { startSlowApiProxy } from '../support/slow-api-proxy.ts';
import type { SlowApiProxy } from '../support/slow-api-proxy.ts';
import { eventually } from '../support/wasmlet-process.ts';
import { acquireCluster, reasonToSkip } from './cluster.ts';
import type { TestCluster } from './cluster.ts';
import { TestNode } from './test-node.ts';

const kills = 20;
const pods = 200;
const seed = Number(process.env['WASMLET_TEST_SEED'] ?? Date.now() % 2 ** 31);

/** mulberry32: numbers in [0, 1) that a seed gives again. */
function randomOf(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe(`a node that is killed ${kills} times`, { skip: await reasonToSkip('controllers'), timeout: 300_000 }, () => {
  let shared: TestCluster;
  let proxy: SlowApiProxy;
  let node: TestNode;
  before(async () => {
    shared = await acquireCluster();
    const user = { name: `system:node:crash-${process.pid}`, groups: ['system:nodes'] };
    proxy = await startSlowApiProxy(shared.cluster, user, 2_000);
    node = await TestNode.join(shared.cluster, { name: 'crash', server: proxy.url, configuration: { maxPods: 300 } });
  });
  after(async () => {
    await node?.close();
    await proxy?.stop();
    await shared?.release();
  });

  it(`runs nothing twice that must not be, and forgets no restart (WASMLET_TEST_SEED=${seed})`, async (t) => {
    const random = randomOf(seed);
    const volume = await node.hostVolume('signed');
    const sign = { args: ['$(POD_UID)'], env: [{ name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }] };
    const steady = ['steady-0', 'steady-1', 'steady-2'];
    for (const name of steady) await node.create({ name, image: 'sleep', spec: { restartPolicy: 'Always', automountServiceAccountToken: false } });
    for (const name of steady) await node.untilRunning(name);

    // Pods arrive all the time in which the node is killed, about ten for each of its lives.
    const uids = new Set<string>();
    for (let life = 0; life < kills; life++) {
      await Promise.all(Array.from({ length: pods / kills }, async (_, index) => {
        const pod = await node.create({ name: `signer-${life}-${index}`, image: 'sign', container: { ...volume.container, ...sign }, spec: volume.spec });
        uids.add(pod.metadata.uid);
      }));
      // Killed at work, not while it starts.
      await eventually('the node is at work', () => node.process.stderr().includes('node started'), 60);
      await sleep(random() * 2_500);
      await node.process.kill();
      node.start();
    }

    const signers = await eventually('all have ended', async () => {
      const { items } = await node.api.request('GET', `/api/v1/namespaces/${node.namespace}/pods`) as { items: Pod[] };
      const found = items.filter(({ metadata }) => metadata.name.startsWith('signer-'));
      return found.every(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed') && found;
    }, 120);
    assert.equal(signers.length, pods);

    const signed = (await readFile(path.join(volume.directory, 'ticks'), 'utf8')).trim().split('\n');
    assert.equal(new Set(signed).size, signed.length, `written twice: ${signed.filter((uid, at) => signed.indexOf(uid) !== at).join(' ')}`);
    assert.deepEqual(signed.filter((uid) => !uids.has(uid)), []);
    for (const { metadata, status } of signers) {
      const [main] = status!.containerStatuses!;
      const ended = main!.state?.terminated;
      assert.equal(main!.restartCount, 0, metadata.name);
      if (status!.phase === 'Succeeded') {
        assert.equal(ended?.exitCode, 0, metadata.name);
        assert.ok(signed.includes(metadata.uid), `${metadata.name} is said to have succeeded and has not signed`);
      } else {
        assert.deepEqual([ended?.reason, ended?.exitCode], ['ContainerStatusUnknown', 137], `${metadata.name}: ${JSON.stringify(main)}`);
      }
    }
    t.diagnostic(`${signed.length} of ${pods} signed, ${signers.filter(({ status }) => status?.phase === 'Failed').length} were lost with the node, ${proxy.delayed} status writes were held back`);

    for (const name of steady) {
      const pod = await node.untilRunning(name);
      const main = pod.status!.containerStatuses![0]!;
      assert.ok(main.restartCount > 0, `${name} was restarted by its policy`);
      assert.equal(main.lastState?.terminated?.exitCode, 137, JSON.stringify(main));
    }
    assert.deepEqual(node.falls, []);
    assert.ok(proxy.delayed > 0);
  });
});
