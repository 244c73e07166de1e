import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { PodSandboxObservation } from '../../../core/api/engine.ts';
import type { Pod, PodStatus } from '../../../core/api/kubernetes.ts';
import type { PodClient } from '../../../core/kube/kube.ts';
import { sameStatus } from '../../../core/kubelet/status/compare-status.ts';
import { StatusManager } from '../../../core/kubelet/status/status-manager.ts';
import { silentLogger, testPod } from '../../support/kubelet/kubelet-rig.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** A client whose every write waits until the test lets it go. */
class SlowClient implements PodClient {
  readonly writes: { readonly pod: string; readonly status: PodStatus; readonly answer: (error?: Error) => void }[] = [];
  gets = 0;
  fresh: Pod | undefined;
  gone = false;
  #version = 100;

  async get(): Promise<Pod | undefined> {
    this.gets += 1;
    return this.fresh;
  }

  patchStatus(observed: Pod, status: PodStatus): ReturnType<PodClient['patchStatus']> {
    if (this.gone) return Promise.resolve({ outcome: 'gone' });
    return new Promise((resolve, reject) => {
      this.#version += 1;
      const pod = { ...observed, status, metadata: { ...observed.metadata, resourceVersion: String(this.#version) } };
      this.writes.push({ pod: observed.metadata.name, status, answer: (error) => (error ? reject(error) : resolve({ outcome: 'written', pod })) });
    });
  }

  async finalize(): Promise<void> {}

  async answer(error?: Error): Promise<void> {
    this.writes.at(-1)?.answer(error);
    await settle();
  }
}

const phase = (name: string): PodStatus => ({ phase: name });

describe('StatusManager', () => {
  let client: SlowClient;
  let clock: VirtualClock;
  let sandbox: PodSandboxObservation | undefined;
  let manager: StatusManager;
  let finals: string[];
  const pod = testPod('p', {}, { resourceVersion: '1' });
  const written = () => client.writes.map(({ status }) => status.phase);

  beforeEach(() => {
    client = new SlowClient();
    clock = new VirtualClock();
    sandbox = undefined;
    finals = [];
    manager = new StatusManager({ podClient: client, observe: () => sandbox, clock, logger: silentLogger });
    manager.finalWritten$.subscribe((uid) => finals.push(uid));
  });

  test('writes one status of a pod at a time, and only the newest', async () => {
    for (const name of ['Pending', 'Running', 'Succeeded']) manager.set(pod, phase(name));
    assert.deepEqual(written(), ['Pending']);
    await client.answer();
    assert.deepEqual(written(), ['Pending', 'Succeeded']);
    assert.equal(manager.isFinalWritten('uid-p'), false);
    await client.answer();
    assert.equal(manager.isFinalWritten('uid-p'), true);
    assert.deepEqual(finals, ['uid-p']);
  });

  test('writes nothing when nothing differs', async () => {
    manager.set(pod, phase('Pending'));
    await client.answer();
    manager.set(pod, phase('Pending'));
    assert.equal(client.writes.length, 1);
  });

  test('writes different pods side by side', () => {
    manager.set(pod, phase('Pending'));
    manager.set(testPod('q'), phase('Pending'));
    assert.deepEqual(client.writes.map(({ pod: name }) => name), ['p', 'q']);
  });

  test('tries again after a failure, against the object as it is then', async () => {
    client.fresh = { ...pod, metadata: { ...pod.metadata, resourceVersion: '7' } };
    manager.set(pod, phase('Running'));
    await client.answer(new Error('connect ECONNREFUSED'));
    assert.equal(client.writes.length, 1);
    await clock.advance(500, settle);
    assert.deepEqual([client.gets, written()], [1, ['Running', 'Running']]);
  });

  test('waits longer after each failure, at most 10 s', async () => {
    client.fresh = pod;
    manager.set(pod, phase('Running'));
    const times: number[] = [];
    for (let tries = 0; tries < 8; tries += 1) {
      await client.answer(new Error('no'));
      const before = client.writes.length;
      const since = clock.now();
      while (client.writes.length === before) await clock.advance(500, settle);
      times.push((clock.now() - since) / 1000);
    }
    assert.deepEqual(times, [0.5, 1, 2, 4, 8, 10, 10, 10]);
  });

  test('a newer status does not wait for the retry of an older one', async () => {
    manager.set(pod, phase('Pending'));
    await client.answer(new Error('no'));
    manager.set(pod, phase('Running'));
    assert.deepEqual(written(), ['Pending', 'Running']);
  });

  test('puts right what somebody else has written', async () => {
    manager.set(pod, phase('Running'));
    await client.answer();
    manager.observed({ ...pod, status: phase('Pending'), metadata: { ...pod.metadata, resourceVersion: '200' } });
    assert.deepEqual(written(), ['Running', 'Running']);
  });

  test('is not misled by an older object from the watch', async () => {
    manager.set(pod, phase('Running'));
    await client.answer();
    manager.observed({ ...pod, status: phase('Pending'), metadata: { ...pod.metadata, resourceVersion: '50' } });
    assert.equal(client.writes.length, 1);
  });

  test('keeps conditions of others as the API shows them', async () => {
    const foreign = { type: 'x.io/gate', status: 'True' };
    manager.set(pod, { ...phase('Running'), conditions: [{ type: 'Ready', status: 'True' }, { type: 'x.io/gate', status: 'False' }] });
    manager.observed({ ...pod, status: { conditions: [foreign] }, metadata: { ...pod.metadata, resourceVersion: '2' } });
    await client.answer(new Error('no'));
    client.fresh = { ...pod, status: { conditions: [foreign] }, metadata: { ...pod.metadata, resourceVersion: '2' } };
    await clock.advance(500, settle);
    assert.deepEqual(client.writes.at(-1)?.status.conditions, [{ type: 'Ready', status: 'True' }, foreign]);
  });

  test('stops for a pod that is gone', () => {
    client.gone = true;
    manager.set(pod, phase('Running'));
    return settle().then(() => {
      assert.equal(manager.isFinalWritten('uid-p'), true);
      assert.deepEqual(finals, ['uid-p']);
    });
  });

  test('stops for a pod that was replaced while it could not write', async () => {
    client.fresh = testPod('p', {}, { uid: 'another' });
    manager.set(pod, phase('Running'));
    await client.answer(new Error('no'));
    await clock.advance(500, settle);
    assert.equal(client.writes.length, 1);
    assert.equal(manager.isFinalWritten('uid-p'), true);
  });

  test('never calls a container running that has ended', async () => {
    const running: PodStatus = { phase: 'Running', containerStatuses: [{ name: 'main', image: 'i', imageID: 'i', ready: true, restartCount: 0, containerID: 'wasmlet://abc', state: { running: {} } }] };
    manager.set(pod, phase('Pending'));
    manager.set(pod, running);
    const container = { id: 'abc', podUid: 'uid-p', name: 'main', kind: 'main', attempt: 0, hash: '', image: 'i', imageId: 'i', runtime: 'wasi', isolation: 'dedicated', phase: 'exited', createdAt: 0 } as const;
    sandbox = { uid: 'uid-p', name: 'p', namespace: 'default', createdAt: 0, containers: [container] };
    await client.answer();
    assert.deepEqual(written(), ['Pending']);
    manager.set(pod, phase('Succeeded'));
    assert.deepEqual(written(), ['Pending', 'Succeeded']);
  });

  const starting: PodStatus = { phase: 'Pending', containerStatuses: [{ name: 'main', image: 'i', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } }] };

  test('writes of a quick start its outcome alone', async () => {
    manager.set(pod, starting);
    await clock.advance(2000, settle);
    manager.set(pod, phase('Running'));
    assert.deepEqual(written(), ['Running']);
    await client.answer();
    await clock.advance(5000, settle);
    assert.deepEqual(written(), ['Running']);
  });

  test('writes that a pod is being started when that takes long, once', async () => {
    manager.set(pod, starting);
    manager.set(pod, { ...starting, hostIP: '10.0.0.1' });
    await clock.advance(3000, settle);
    assert.deepEqual(written(), ['Pending']);
    await client.answer();
    assert.equal(client.writes[0]?.status.hostIP, '10.0.0.1');
    await clock.advance(5000, settle);
    assert.deepEqual(written(), ['Pending']);
  });

  test('writes at once what keeps a pod from starting', () => {
    manager.set(pod, { ...starting, containerStatuses: [{ ...starting.containerStatuses![0]!, state: { waiting: { reason: 'ErrImagePull', message: 'no' } } }] });
    assert.deepEqual(written(), ['Pending']);
  });

  test('writes what it holds back when the node stops', async () => {
    manager.set(pod, starting);
    void manager.stop(5000);
    assert.deepEqual(written(), ['Pending']);
  });

  test('in a burst, what waits for its turn is written as it is then', async () => {
    const pods = Array.from({ length: 17 }, (_, index) => testPod(`b${index}`));
    for (const each of pods) manager.set(each, phase('Running'));
    assert.equal(client.writes.length, 16);
    manager.set(pods[16]!, phase('Succeeded'));
    client.writes[0]!.answer();
    await settle();
    assert.deepEqual(client.writes.slice(16).map((write) => write.status.phase), ['Succeeded']);
  });

  test('writes nothing of static pods', () => {
    manager.set(testPod('s', {}, { annotations: { 'kubernetes.io/config.source': 'file' } }), phase('Succeeded'));
    assert.equal(client.writes.length, 0);
    assert.equal(manager.isFinalWritten('uid-s'), true);
  });

  test('forgets a pod in the middle of a write', async () => {
    manager.set(pod, phase('Running'));
    manager.forget('uid-p');
    await client.answer(new Error('no'));
    await clock.advance(60_000, settle);
    assert.deepEqual([client.gets, client.writes.length, manager.get('uid-p')], [0, 1, undefined]);
  });

  test('stops when all is written, or at the deadline', async () => {
    manager.set(pod, phase('Running'));
    let stopped = false;
    void manager.stop(5000).then(() => (stopped = true));
    await settle();
    assert.equal(stopped, false);
    await client.answer();
    assert.equal(stopped, true);
    manager.set(pod, phase('Succeeded'));
    assert.equal(client.writes.length, 1);
  });
});

test('statuses are the same in spite of order, empty members and the order of conditions', () => {
  const one: PodStatus = { phase: 'Running', conditions: [{ type: 'A', status: 'True' }, { type: 'B', status: 'True' }], containerStatuses: [] };
  const other = { conditions: [{ status: 'True', type: 'B' }, { status: 'True', type: 'A', message: undefined }], phase: 'Running' } as unknown as PodStatus;
  assert.equal(sameStatus(one, other), true);
  assert.equal(sameStatus(one, { ...one, phase: 'Failed' }), false);
  assert.equal(sameStatus(undefined, {}), true);
});
