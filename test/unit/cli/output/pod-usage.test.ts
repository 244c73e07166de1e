import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ContainerStats } from '../../../../core/api/engine.ts';
import { podUsages, totalUsage, usageRow } from '../../../../core/cli/output/pod-usage.ts';

const stats = (podName: string, more: Partial<ContainerStats> = {}): ContainerStats => ({
  id: `id-${podName}`, podUid: podName, podName, namespace: 'default', name: 'main', attempt: 0, isolation: 'dedicated', threadId: 7,
  timestamp: 10_000, startedAt: 0, cpuNanoseconds: 0, memoryBytes: 2 ** 20, descriptors: 0, ...more,
});

describe('what pods use', () => {
  const before = [stats('idle', { cpuNanoseconds: 5e9 }), stats('busy', { cpuNanoseconds: 1e9 })];
  const now = [
    stats('idle', { timestamp: 12_000, cpuNanoseconds: 5e9 }),
    stats('busy', { timestamp: 12_000, cpuNanoseconds: 2e9, attempt: 3, memoryBytes: 500 }),
    stats('new', { timestamp: 12_000, startedAt: 11_000, cpuNanoseconds: 1e8, threadId: 8 }),
  ];

  test('is of the time between two readings, or since the start', () => {
    assert.deepEqual(podUsages(before, now, 'cpu').map(({ name, cpuMillis }) => [name, cpuMillis]), [['busy', 500], ['new', 100], ['idle', 0]]);
  });

  test('is ordered as asked, equal ones by name', () => {
    assert.deepEqual(podUsages(before, now, 'memory').map(({ name }) => name), ['idle', 'new', 'busy']);
    assert.deepEqual(podUsages(before, now, 'name').map(({ name }) => name), ['busy', 'idle', 'new']);
  });

  test('fits a row, and a line for all', () => {
    const usages = podUsages(before, now, 'cpu');
    assert.deepEqual(usageRow(usages[0]!), ['default', 'busy', '500.0', '1Ki', 'dedicated', '7', '3']);
    assert.equal(totalUsage(usages), '3 pods, 3 containers on 2 threads; 600.0m CPU, 2.0Mi');
  });

  test('names the class of each container once, and each thread', () => {
    const mixed = [stats('mixed', { id: 'a', isolation: 'shared' }), stats('mixed', { id: 'b', threadId: 8 }), stats('mixed', { id: 'c', threadId: 9 })];
    assert.deepEqual(usageRow(podUsages([], mixed, 'cpu')[0]!).slice(4), ['shared,dedicated', '7,8,9', '0']);
  });

  test('of ten thousand pods is as much one line', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => stats(`p${index}`));
    assert.match(totalUsage(podUsages(many, many, 'cpu')), /^10000 pods, 10000 containers on 1 threads; 0\.0m CPU, 10000\.0Mi$/);
  });
});
