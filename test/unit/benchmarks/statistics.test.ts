import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { differ, percentile, summarize } from '../../../benchmarks/harness/statistics.ts';

describe('summarize', () => {
  it('gives the order statistics of unsorted samples', () => {
    assert.deepEqual(summarize([5, 1, 4, 2, 3]), { n: 5, median: 3, p99: 4.96, minimum: 1, maximum: 5, quartiles: [2, 4] });
  });

  it('interpolates between the two middle samples', () => {
    assert.equal(summarize([1, 2, 10, 20]).median, 6);
  });

  it('is the sample itself for one', () => {
    assert.deepEqual(summarize([7]), { n: 1, median: 7, p99: 7, minimum: 7, maximum: 7, quartiles: [7, 7] });
  });

  it('refuses no samples, and what is no number', () => {
    assert.throws(() => summarize([]), /no samples/);
    assert.throws(() => summarize([1, NaN]), /not all numbers/);
  });

  it('orders its figures, and leaves its argument as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (samples) => {
        const before = [...samples];
        const { minimum, quartiles, median, p99, maximum } = summarize(samples);
        const figures = [minimum, quartiles[0], median, quartiles[1], p99, maximum];
        assert.deepEqual(samples, before);
        // Interpolating may miss by a rounding.
        for (let index = 1; index < figures.length; index += 1) assert.ok(figures[index]! >= figures[index - 1]! - 1e-6);
      }),
    );
  });
});

describe('percentile', () => {
  it('reaches both ends', () => {
    assert.equal(percentile([1, 2, 3], 0), 1);
    assert.equal(percentile([1, 2, 3], 100), 3);
  });
});

describe('differ', () => {
  it('is true only where the interquartile ranges do not meet', () => {
    const low = summarize([1, 2, 3, 4, 5]);
    assert.equal(differ(low, summarize([11, 12, 13])), true);
    assert.equal(differ(summarize([11, 12, 13]), low), true);
    assert.equal(differ(low, summarize([3, 4, 5])), false);
  });
});
