import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AdmittedPods } from '../../../core/kubelet/pods/admitted-pods.ts';
import { testPod } from '../pod/support.ts';

const pod = (name: string, containers: number, isolation = 'dedicated') =>
  testPod(name, { containers: Array.from({ length: containers }, (_, index) => ({ name: `c${index}`, image: 'i' })) }, { uid: name, annotations: { 'wasmlet.dev/isolation': isolation } });

describe('admitted pods', () => {
  test('are listed and counted as they come, change and go', () => {
    const told: string[] = [];
    const pods = new AdmittedPods({}, { changed: (how) => told.push(how) });
    const [a, b, c] = [pod('a', 1), pod('b', 3), pod('c', 2, 'shared')];
    for (const each of [a, b, c, a]) pods.set(each);
    assert.deepEqual(pods.list, [a, b, c]);
    assert.deepEqual(pods.containers, { dedicated: 4, shared: 2 });
    assert.deepEqual(told, ['fewer', 'more'], 'one dedicated container takes the place of one pod');

    const changed = { ...b, spec: { ...b.spec } };
    pods.set(changed);
    pods.delete('a');
    pods.delete('a');
    assert.deepEqual(new Set(pods.list), new Set([changed, c]));
    assert.deepEqual(pods.containers, { dedicated: 3, shared: 2 });
    pods.delete('c');
    pods.delete('b');
    assert.deepEqual([pods.list, pods.containers], [[], { dedicated: 0, shared: 0 }]);
  });

  test('ask together for what each asks', () => {
    const asking = (name: string, cpu: string) => testPod(name, { containers: [{ name: 'main', image: 'i', resources: { requests: { cpu } } }] }, { uid: name });
    const pods = new AdmittedPods({}, { changed: () => undefined });
    for (const each of [asking('a', '250m'), asking('b', '1'), asking('a', '500m')]) pods.set(each);
    assert.deepEqual(pods.requests, new Map([['cpu', 1500n]]));
    pods.delete('b');
    assert.deepEqual(pods.requests, new Map([['cpu', 500n]]));
  });
});
