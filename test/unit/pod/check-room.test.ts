import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkRoom } from '../../../core/pod/admission/check-room.ts';
import { testPod } from './support.ts';

const handlers = { 'wasmlet-shared': { isolation: 'shared' } } as const;
const room = { left: (isolation: 'dedicated' | 'shared') => (isolation === 'dedicated' ? 2 : 100), handlers };
const placed = { dedicated: 8, shared: 0 };
const containers = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `c${index}`, image: 'i' }));

describe('a pod of several containers', () => {
  test('is taken while each has a place', () => {
    assert.equal(checkRoom(testPod('p', { containers: containers(2) }), placed, room), undefined);
    assert.equal(checkRoom(testPod('p', { containers: containers(2), initContainers: containers(3) }), placed, room), undefined, 'init containers run one by one, before');
  });

  test('is refused otherwise, with the numbers', () => {
    assert.deepEqual(checkRoom(testPod('p', { containers: containers(3) }), placed, room), {
      reason: 'OutOfpods',
      message: "Node didn't have enough resource: dedicated containers, requested: 3, used: 8, capacity: 10",
    });
  });

  test('is measured by its own class, as annotated or by its RuntimeClass', () => {
    assert.equal(checkRoom(testPod('p', { containers: containers(3) }, { annotations: { 'wasmlet.dev/isolation': 'shared' } }), placed, room), undefined);
    assert.equal(checkRoom(testPod('p', { containers: containers(3), runtimeClassName: 'wasmlet-shared' }), placed, room), undefined);
    assert.equal(checkRoom(testPod('p', { containers: containers(3), runtimeClassName: 'wasmlet-shared' }, { annotations: { 'wasmlet.dev/isolation': 'dedicated' } }), placed, room)?.reason, 'OutOfpods');
  });
});
