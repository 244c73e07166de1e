import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dedicatedCapacity } from '../../../core/engine/dedicated-capacity.ts';

const roomy = { maxMapCount: 10_000_000, openFiles: 10_000_000, memoryBytes: 2 ** 50 };

describe('the containers that fit on threads of their own', () => {
  it('are bounded by the wall that is nearest', () => {
    assert.equal(dedicatedCapacity({ ...roomy, maxMapCount: 65_530 }), 1_110);
    assert.equal(dedicatedCapacity({ ...roomy, openFiles: 1_024 }), 3);
    assert.equal(dedicatedCapacity({ ...roomy, memoryBytes: 900 * 1024 ** 2 }), 100);
    assert.equal(dedicatedCapacity(roomy), 16_000);
  });

  it('are never none', () => {
    assert.equal(dedicatedCapacity({ maxMapCount: 100, openFiles: 100, memoryBytes: 0 }), 1);
  });
});
