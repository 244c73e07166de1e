/** A node that is full: the scheduler holds what does not fit. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node, Pod } from '../../core/api/kubernetes.ts';
import { costs } from '../../core/engine/capacity.ts';
import { readMachine } from '../../core/kube/node/machine.ts';
import { eventually } from '../support/wasmlet-process.ts';
import { NodeBed } from './node-bed.ts';
import { reasonToSkip } from './cluster.ts';

interface List<T> {
  readonly items: readonly T[];
}

/** Containers for which the node under test has memory. */
const places = 6;
/** A ReplicaSet makes a failed pod anew at once: in this time a node that refuses would have failed hundreds. */
const watchedMilliseconds = 20_000;

describe('a full node', { skip: await reasonToSkip('controllers', 'registry'), timeout: 240_000 }, () => {
  let bed: NodeBed;
  const sleeper = (name: string) => ({ name, args: ['sleep(ms:3600000)'] });
  const deployment = (name: string, replicas: number, containers: number) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { ...bed.spec({ restartPolicy: 'Always', containers: Array.from({ length: containers }, (_, index) => sleeper(`c${index}`)), terminationGracePeriodSeconds: 1 }) } } },
  });
  const pods = async (name: string): Promise<readonly Pod[]> => (await bed.get<List<Pod>>('pods', '-l', `app=${name}`)).items;
  const phases = (all: readonly Pod[]) => Object.fromEntries(['Running', 'Pending', 'Failed'].map((phase) => [phase, all.filter(({ status }) => status?.phase === phase).length]));

  before(async () => {
    const { memoryBytes } = await readMachine();
    const left = (200 + 2) * 2 ** 20 + places * costs.dedicated.bytes;
    bed = await NodeBed.open({ name: 'capacity', configuration: { runtimes: { allowed: ['wasi', 'wasmer'] }, shutdownGracePeriod: '5s', systemReserved: { memory: String(memoryBytes - left) } } });
  });
  after(() => bed?.close());

  it('offers what its process can hold', async () => {
    assert.equal((await bed.get<Node>('node', bed.name)).status?.allocatable?.['pods'], String(places));
  });

  it('leaves the other half of a Deployment of twice its size Pending, and fails none', async () => {
    await bed.create(deployment('twice', 2 * places, 1));
    await eventually('the node is full', async () => phases(await pods('twice'))['Running'] === places, 60);
    await sleep(watchedMilliseconds);
    const all = await pods('twice');
    assert.deepEqual(phases(all), { Running: places, Pending: places, Failed: 0 });
    assert.ok(all.filter(({ status }) => status?.phase === 'Pending').every(({ spec }) => !spec.nodeName), 'the scheduler holds them');
    await bed.kubectl(['delete', 'deployment', 'twice', '--cascade=foreground', '--timeout=50s']);
  });

  it('counts containers: few pods of several fail before its offer has followed', async (t) => {
    await bed.create(deployment('triple', 2 * places, 3));
    await eventually('the node is full', async () => phases(await pods('triple'))['Running'] === places / 3, 60);
    await sleep(watchedMilliseconds);
    const { Running, Failed } = phases(await pods('triple')) as { Running: number; Failed: number };
    assert.equal(Running, places / 3);
    t.diagnostic(`${Failed} pods failed`);
    // Four were bound by the first offer; a second round means that the scheduler was slower than the ReplicaSet.
    assert.ok(Failed < 10, `${Failed} pods failed`);
    await bed.kubectl(['delete', 'deployment', 'triple', '--cascade=foreground', '--timeout=50s']);
  });
});
