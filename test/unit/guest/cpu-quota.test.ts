import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CpuQuota } from '../../../core/guest/cpu/cpu-quota.ts';

const second = 1_000_000_000;

/** CPU time that a guest gets in so many seconds which computes whenever it may, asked every `slice` nanoseconds of CPU. */
function used(millicores: number, seconds: number, slice: number): number {
  const quota = new CpuQuota(millicores, 0n, 0);
  let [now, cpu] = [0, 0];
  while (now < seconds * second) {
    now += slice + quota.due(BigInt(Math.round(now)), cpu);
    cpu += slice;
  }
  return cpu;
}

describe('a CPU quota', () => {
  for (const millicores of [10, 100, 250, 500, 900]) {
    it(`holds a guest that computes without end to ${millicores} millicores`, () => {
      const share = used(millicores, 10, 4_000_000) / (10 * second);
      assert.ok(Math.abs(share / (millicores / 1000) - 1) < 0.1, `${share}`);
    });
  }

  it('lets a guest go on that uses less', () => {
    const quota = new CpuQuota(500, 0n, 0);
    for (let turn = 1; turn < 100; turn++) assert.equal(quota.due(BigInt(turn * 10_000_000), turn * 4_000_000), 0);
  });

  it('saves up one period at most', () => {
    const quota = new CpuQuota(500, 0n, 0);
    assert.equal(quota.due(BigInt(3600 * second), 0), 0);
    assert.equal(quota.due(BigInt(3600 * second), 50_000_000), 0);
    assert.equal(quota.due(BigInt(3600 * second), 60_000_000), 20_000_000);
  });

  it('never lets more through than its share and one period, whatever the pattern', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 4000 }), fc.array(fc.tuple(fc.nat(50_000_000), fc.nat(200_000_000)), { maxLength: 50 }), (millicores, bursts) => {
      const quota = new CpuQuota(millicores, 0n, 0);
      let [now, cpu, largest] = [0, 0, 0];
      for (const [burst, pause] of bursts) {
        now += burst + pause;
        cpu += burst;
        largest = Math.max(largest, burst);
        now += quota.due(BigInt(now), cpu);
        assert.ok(cpu <= (now * millicores) / 1000 + 0.1 * second * (millicores / 1000) + largest + 1);
      }
    }));
  });
});
