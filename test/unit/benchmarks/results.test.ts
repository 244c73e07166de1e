import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Stamp } from '../../../benchmarks/harness/machine.ts';
import { createResult, formatComparison, formatResult, type Result } from '../../../benchmarks/harness/results.ts';

const stamp: Stamp = {
  date: '2026-11-24T12:00:00.000Z',
  machine: { cpu: 'Test CPU', cores: 2, memoryMiB: 4096, kernel: '6.1', architecture: 'x64' },
  versions: { wasmlet: '0.1.0', commit: 'abc', node: 'v26.0.0', kubernetes: 'v1.37.2' },
};

function result(samples: readonly number[], change: Partial<Result> = {}): Result {
  const measurement = { metric: 'created to Running', unit: 'ms' as const, subject: 'null', variant: 'plain', samples };
  return { ...createResult('start', stamp, { n: samples.length }, [measurement]), ...change };
}

describe('formatResult', () => {
  it('says what, where and of what, then a row for each measurement', () => {
    assert.equal(
      formatResult(result([1, 2, 30, 4, 500])),
      [
        'start: n 5',
        '2 × Test CPU, 4096 MiB, Linux 6.1 x64; wasmlet 0.1.0 (abc), Node v26.0.0, Kubernetes v1.37.2',
        '',
        'metric                   subject  with   n  median  p99    quartiles       range',
        '───────────────────────  ───────  ─────  ─  ──────  ───  ───────────  ──────────',
        'created to Running (ms)  null     plain  5    4.00  481  2.00 – 30.0  1.00 – 500',
      ].join('\n'),
    );
  });
  it('names no control plane where there was none', () => {
    const { kubernetes: _, ...versions } = stamp.versions;
    assert.match(formatResult(result([1], { versions })), /Node v26\.0\.0\n/);
  });
});

describe('formatComparison', () => {
  const verdict = (text: string): string => text.split('\n').at(-1)!.split(/ {2,}/).at(-1)!;

  it('calls a change one only beyond the spread', () => {
    assert.equal(verdict(formatComparison(result([1, 2, 3]), result([11, 12, 13]))), 'changed');
    assert.equal(verdict(formatComparison(result([1, 2, 3]), result([2, 3, 4]))), 'within spread');
  });

  it('gives the ratio of the medians', () => {
    assert.match(formatComparison(result([2, 2, 2]), result([5, 5, 5])), /2\.00 +5\.00 +2\.50 +changed$/);
  });

  it('marks what the earlier result has not', () => {
    assert.equal(verdict(formatComparison({ ...result([1]), measurements: [] }, result([1]))), 'new');
  });

  it('warns where machine, versions or parameters differ', () => {
    const elsewhere = result([1, 2], { machine: { ...stamp.machine, cores: 8 } });
    assert.deepEqual(formatComparison(elsewhere, result([1, 2, 3])).split('\n').slice(0, 2), [
      'not the same: cores was 8, is 2',
      'not the same: n was 2, is 3',
    ]);
  });

  it('refuses results of different suites', () => {
    assert.throws(() => formatComparison(result([1], { suite: 'churn' }), result([1])), /cannot compare churn with start/);
  });
});
