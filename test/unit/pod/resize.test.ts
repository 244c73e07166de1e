import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { containerLimit } from '../../../core/pod/container-limit.ts';
import { allocatedPod, allocationOf } from '../../../core/pod/resize.ts';
import { testPod } from './support.ts';

const container = (name: string, memory?: string) => ({ name, image: 'i', ...(memory !== undefined && { resources: { limits: { memory }, requests: { memory } } }) });
const podOf = (...memories: (string | undefined)[]) => testPod('p', { containers: memories.map((memory, index) => container(`c${index}`, memory)) });

describe('a resize', () => {
  const pod = podOf('64Mi', undefined);
  const allocation = allocationOf(pod);

  test('is none while the spec asks for what the pod has, in whatever notation', () => {
    assert.equal(allocatedPod(pod, allocation).pod, pod);
    const same = podOf('65536Ki', undefined);
    assert.deepEqual(allocatedPod(same, allocation), { pod: same, infeasible: false });
  });

  test('is infeasible, and the pod keeps what it has', () => {
    for (const changed of [podOf('128Mi', undefined), podOf('32Mi', undefined), podOf('64Mi', '1Mi'), podOf(undefined, undefined)]) {
      const held = allocatedPod(changed, allocation);
      assert.equal(held.infeasible, true);
      assert.deepEqual(held.pod.spec.containers, pod.spec.containers);
    }
    assert.equal(allocatedPod({ ...pod, spec: { ...pod.spec, resources: { limits: { cpu: '1' } } } }, allocation).infeasible, true, 'of the pod as a whole');
  });

  test('is remembered by the status across a restart of the node', () => {
    const later = { ...podOf('128Mi', undefined), status: { containerStatuses: [{ name: 'c0', resources: container('c0', '64Mi').resources!, image: 'i', imageID: '', ready: true, restartCount: 0 }] } };
    const { pod: held, infeasible } = allocatedPod(later, allocationOf(later));
    assert.deepEqual([infeasible, held.spec.containers[0]?.resources?.limits?.['memory']], [true, '64Mi']);
  });
});

describe('a limit of the pod', () => {
  const mebibytes = (limit: string | undefined, ...memories: (string | undefined)[]): (number | undefined)[] => {
    const { spec, ...rest } = podOf(...memories);
    const pod = { ...rest, spec: { ...spec, ...(limit !== undefined && { resources: { limits: { memory: limit } } }), initContainers: [container('init')] } };
    return [...pod.spec.containers, ...pod.spec.initContainers].map((each) => {
      const bytes = containerLimit(pod, each, 'memory');
      return bytes === undefined ? undefined : Number(bytes / 1000n) / 2 ** 20;
    });
  };

  test('leaves containers their own where there is none', () => {
    assert.deepEqual(mebibytes(undefined, '64Mi', undefined), [64, undefined, undefined]);
  });

  test('is shared out, so that their sum never exceeds it; an init container runs alone', () => {
    assert.deepEqual(mebibytes('100Mi', undefined, undefined), [50, 50, 100]);
    assert.deepEqual(mebibytes('100Mi', '40Mi', undefined, undefined), [40, 30, 30, 100]);
    assert.deepEqual(mebibytes('100Mi', '60Mi', '40Mi'), [60, 40, 100]);
    assert.deepEqual(mebibytes('100Mi', '100Mi', '100Mi'), [50, 50, 100]);
    assert.deepEqual(mebibytes('100Mi', '100Mi', undefined), [50, 50, 100]);
  });
});
