/** One table of deletes: the object goes, nothing of the pod stays on the node, and its guest has ended before. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/wasmlet-process.ts';
import { reasonToSkip } from './cluster.ts';
import type { PodWish } from './test-node.ts';
import { TestNode } from './test-node.ts';

const always = { restartPolicy: 'Always' };
/** The guests are stopped at once; the rest is what a busy machine takes. The grace of every pod is 5 s. */
const patience = 20;

describe('deletes', { skip: await reasonToSkip('controllers'), timeout: 300_000 }, () => {
  let cluster: ControlPlane;
  let node: TestNode;
  before(async () => {
    cluster = await startControlPlane();
    node = await TestNode.join(cluster, { name: 'deletes' });
    node.addImage('hang-in-body', Buffer.from('\0asm\x01\0\0\0'));
  });
  after(async () => {
    await node?.close();
    await cluster?.stop();
  });

  const untilNoTrace = async (name: string, uid: string): Promise<void> => {
    await eventually(`nothing of ${name} is left in ${node.podDirectory(uid)}`, () => !existsSync(node.podDirectory(uid)), patience);
    const logs = path.join(node.directory, 'logs', `${node.namespace}_${name}_${uid}`);
    await eventually(`no logs of ${name} are left`, () => !existsSync(logs), patience);
  };

  const ticks = async (directory: string): Promise<number> => (await readFile(path.join(directory, 'ticks'), 'utf8').catch(() => '')).length;

  /** A pod whose guest writes all the time. */
  const ticking = async (name: string, spec: object = {}): Promise<{ readonly uid: string; readonly directory: string }> => {
    const volume = await node.hostVolume(name);
    await node.create({ name, image: 'tick', container: volume.container, spec: { ...volume.spec, ...spec } });
    const { metadata } = await node.untilRunning(name);
    await eventually('ticks', async () => (await ticks(volume.directory)) > 2);
    return { uid: metadata.uid, directory: volume.directory };
  };

  const assertStopped = async (directory: string, at: number): Promise<void> => {
    await sleep(300);
    assert.equal(await ticks(directory), at, 'the guest writes no more');
  };

  const states: readonly (PodWish & { readonly state: RegExp })[] = [
    { name: 'pending', image: 'sleep', container: { volumeMounts: [{ name: 'v', mountPath: '/v' }] }, spec: { volumes: [{ name: 'v', configMap: { name: 'absent' } }] }, state: /^Pending waiting ContainerCreating/ },
    // That it is under way is written only after three seconds, and the node gives the registry two.
    { name: 'pulling', image: 'hang-in-body', state: /^Pending/ },
    { name: 'config-error', image: 'sleep', container: { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'absent', key: 'a' } } }] }, state: /waiting CreateContainerConfigError/ },
    { name: 'running', image: 'sleep', state: /^Running running/ },
    { name: 'looping', image: 'spin', state: /^Running running/ },
    { name: 'crash-loop', image: 'trap', spec: always, state: /waiting CrashLoopBackOff/ },
    { name: 'succeeded', image: 'brief', state: /^Succeeded/ },
  ];
  for (const { state, ...wish } of states) {
    it(`of a pod that is ${wish.name}`, async () => {
      const image = wish.image === 'hang-in-body' ? `${node.registry.address}/${wish.image}:1` : wish.image;
      const { metadata } = await node.create({ ...wish, image });
      await node.untilSeen(wish.name, state);
      if (wish.name === 'pulling') await eventually('the pull hangs', () => node.registry.requests.some(({ path: url }) => /hang-in-body\/blobs/.test(url)));
      await node.delete(wish.name);
      await node.untilGone(wish.name, metadata.uid, patience);
      await untilNoTrace(wish.name, metadata.uid);
    });
  }

  it('of one that no node has', async () => {
    const { metadata } = await node.create({ name: 'unbound', image: 'sleep', spec: { nodeName: '', nodeSelector: { nobody: 'has-this' } } });
    await node.delete('unbound');
    await node.untilGone('unbound', metadata.uid, patience);
    assert.ok(!existsSync(node.podDirectory(metadata.uid)));
  });

  it('stop the guest first', async () => {
    const { uid, directory } = await ticking('ticking');
    await node.delete('ticking');
    await node.untilGone('ticking', uid, patience);
    await assertStopped(directory, await ticks(directory));
    await untilNoTrace('ticking', uid);
  });

  it('by force', async () => {
    const { uid, directory } = await ticking('forced');
    await node.delete('forced', { gracePeriodSeconds: 0 });
    assert.equal(await node.pod('forced'), undefined);
    await untilNoTrace('forced', uid);
    await assertStopped(directory, await ticks(directory));
  });

  it('let the same name begin again only when the old one has ended', async () => {
    const { uid, directory } = await ticking('again');
    await node.delete('again', { gracePeriodSeconds: 0 });
    const volume = await node.hostVolume('again-2');
    await node.create({ name: 'again', image: 'tick', container: volume.container, spec: volume.spec });
    await eventually('the second writes', async () => (await ticks(volume.directory)) > 0);
    await assertStopped(directory, await ticks(directory));
    const second = (await node.pod('again'))!.metadata.uid;
    assert.notEqual(second, uid);
    await untilNoTrace('again', uid);
    await node.untilRunning('again');
    await node.delete('again');
    await node.untilGone('again', second, patience);
  });

  it('while the node is down: in grace, and by force', async () => {
    const asked = await ticking('down-asked', always);
    const forced = await ticking('down-forced', always);
    await node.process.kill();
    const before = [await ticks(asked.directory), await ticks(forced.directory)];
    await node.delete('down-asked');
    await node.delete('down-forced', { gracePeriodSeconds: 0 });
    node.start();
    await node.untilGone('down-asked', asked.uid, 40);
    for (const [name, { uid }] of [['down-asked', asked], ['down-forced', forced]] as const) await untilNoTrace(name, uid);
    assert.deepEqual([await ticks(asked.directory), await ticks(forced.directory)], before, 'neither ran again');
  });

  it('while the API server is down, and one that vanishes from a relist', async () => {
    const asked = await ticking('api-asked');
    const vanished = await ticking('api-vanished');
    node.unwatch();
    // The node learns of the delete from what its connection still holds, and then has nobody to tell.
    process.kill(node.process.pid, 'SIGSTOP');
    try {
      await node.delete('api-asked');
      await cluster.stopApiServer();
    } finally {
      process.kill(node.process.pid, 'SIGCONT');
    }
    await cluster.startApiServer();
    await node.untilGone('api-asked', asked.uid, 60);
    await assertStopped(asked.directory, await ticks(asked.directory));
    await untilNoTrace('api-asked', asked.uid);
    assert.ok((await node.main('api-vanished'))?.state?.running, 'who was not deleted goes on');
    // The node is stopped while the object goes and the API server restarts: it can only learn of it by listing again.
    process.kill(node.process.pid, 'SIGSTOP');
    try {
      await node.delete('api-vanished', { gracePeriodSeconds: 0 });
      await cluster.restartApiServer();
    } finally {
      process.kill(node.process.pid, 'SIGCONT');
    }
    await untilNoTrace('api-vanished', vanished.uid);
    await assertStopped(vanished.directory, await ticks(vanished.directory));
  });
});
