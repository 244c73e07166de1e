import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { costs, guestConnections, guestDescriptors, memoriesOfAProcess, nothingPlaced, podCapacity, roomFor, wallsFor } from '../../../core/engine/capacity.ts';

const roomy = { maps: 10_000_000, files: 1_048_576, threads: 1_000_000, memories: memoriesOfAProcess, bytes: 2 ** 40 };

describe('room on a node', () => {
  test('ends at the nearest wall', () => {
    assert.equal(roomFor('dedicated', { ...roomy, maps: 65_530 }, nothingPlaced), 1_308);
    assert.equal(roomFor('dedicated', { ...roomy, files: 1_024 }, nothingPlaced), 96);
    assert.equal(roomFor('dedicated', { ...roomy, threads: 164 }, nothingPlaced), 100);
    assert.equal(roomFor('dedicated', { ...roomy, bytes: 800 * 2 ** 20 }, nothingPlaced), 100);
    assert.equal(roomFor('dedicated', roomy, nothingPlaced), 15_984);
  });

  test('is larger for shared guests, at the default vm.max_map_count', () => {
    assert.equal(roomFor('shared', { ...roomy, maps: 65_530 }, nothingPlaced), 9_162);
  });

  test('is what the guests of both classes leave', () => {
    const walls = { ...roomy, maps: 65_530 };
    assert.equal(roomFor('dedicated', walls, { dedicated: 1_000, shared: 0 }), 308);
    assert.equal(roomFor('shared', walls, { dedicated: 1_000, shared: 0 }), 2_162);
    assert.equal(roomFor('dedicated', walls, { dedicated: 1_000, shared: 2_162 }), 0);
    assert.equal(roomFor('shared', walls, { dedicated: 2_000, shared: 0 }), 0, 'never less than none');
  });

  test('is one on an empty machine, however small', () => {
    assert.equal(roomFor('dedicated', { maps: 100, files: 100, threads: 1, memories: 1, bytes: 0 }, nothingPlaced), 1);
  });
});

describe('the pods that a node offers', () => {
  const walls = { ...roomy, threads: 164 };

  test('are those configured, clipped by the walls', () => {
    assert.equal(podCapacity(50, 0, walls, nothingPlaced), 50);
    assert.equal(podCapacity(500, 0, walls, nothingPlaced), 100);
    assert.equal(podCapacity(500, 40, walls, { dedicated: 40, shared: 0 }), 100);
  });

  test('become fewer as pods of several containers come, more as shared ones come', () => {
    assert.equal(podCapacity(500, 20, walls, { dedicated: 60, shared: 0 }), 60);
    assert.equal(podCapacity(500, 300, walls, { dedicated: 0, shared: 300 }), 400);
    assert.equal(podCapacity(500, 100, walls, { dedicated: 100, shared: 0 }), 100, 'a full node offers what it has');
  });
});

test('guests may have the files that neither the node nor its containers need, a quarter of them at most as connections', () => {
  const shares = (walls: Partial<typeof roomy>) => [guestDescriptors, guestConnections].map((share) => share({ ...roomy, ...walls }, 110));
  assert.deepEqual(shares({ files: 20_000 }), [20_000 - 256 - 110 * 6 - 4_096, 4_096]);
  assert.deepEqual(shares({ files: 496 }), [45, 15], '30 containers fit');
  assert.deepEqual(shares({ files: Infinity }), [Infinity, 4_096]);
  assert.deepEqual(shares({ files: 100 }), [0, 0]);
  assert.equal(shares({ bytes: 2 ** 30 })[1], 256, 'connections have a sixteenth of the memory at most');
});

test('raised walls hold what they were raised for', () => {
  const raised = { ...roomy, ...wallsFor(5_000) };
  assert.equal(roomFor('dedicated', raised, nothingPlaced), 5_000);
  assert.ok(costs.dedicated.maps > costs.shared.maps);
});
