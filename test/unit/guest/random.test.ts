import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fillRandom } from '../../../core/guest/random.ts';

test('every byte is filled, and none is given twice', () => {
  const seen = new Set<string>();
  fc.assert(fc.property(fc.integer({ min: 16, max: 600 }), (length) => {
    const target = new Uint8Array(length);
    fillRandom(target);
    for (let at = 0; at + 16 <= length; at += 16) {
      const piece = Buffer.from(target.subarray(at, at + 16)).toString('hex');
      assert.ok(!seen.has(piece), 'the same 16 bytes twice');
      seen.add(piece);
    }
  }), { numRuns: 500 });
});

test('short requests are as random as long ones', () => {
  const counts = new Uint32Array(256);
  for (let round = 0; round < 20_000; round++) {
    const target = new Uint8Array(7);
    fillRandom(target);
    for (const byte of target) counts[byte] = (counts[byte] ?? 0) + 1;
  }
  // 547 of each are expected; nine standard deviations are 210.
  assert.ok(counts.every((count) => count > 337 && count < 757), String(counts));
});

test('nothing is asked for nothing', () => fillRandom(new Uint8Array(0)));
