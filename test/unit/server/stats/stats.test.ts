import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ContainerStats } from '../../../../core/api/engine.ts';
import { parseNodeUsage } from '../../../../core/server/stats/node-usage.ts';
import { resourceMetrics } from '../../../../core/server/stats/resource-metrics.ts';
import { summary } from '../../../../core/server/stats/summary.ts';

const node = parseNodeUsage(
  'cpu  1000 50 200 90000 300 10 20 0 0 0\ncpu0 1 1 1 1 1 1 1 0 0 0\nbtime 1700000000\n',
  'MemTotal:       4000 kB\nMemFree:         100 kB\nMemAvailable:   1000 kB\n',
);

const stats = (name: string, more: Partial<ContainerStats> = {}): ContainerStats => ({
  id: `id-${name}`, podUid: 'u', podName: 'p', namespace: 'default', name, attempt: 0, isolation: 'dedicated', threadId: 7,
  timestamp: 1_700_000_100_000, startedAt: 1_700_000_050_500, cpuNanoseconds: 1_500_000_000, memoryBytes: 65_536, descriptors: 0, ...more,
});

test('the machine’s usage counts all but waiting', () => {
  assert.deepEqual(node, { cpuSeconds: 12.8, memoryTotalBytes: 4_096_000, memoryAvailableBytes: 1_024_000, startedAt: 1_700_000_000_000 });
});

describe('/metrics/resource', () => {
  const lines = (containers: readonly ContainerStats[], usage: typeof node | undefined = node) => resourceMetrics(containers, usage, 1_700_000_100_200).split('\n').filter((line) => !line.startsWith('#'));

  test('gives every reading its time, start times none', () => {
    assert.deepEqual(lines([stats('main'), stats('side', { cpuNanoseconds: 500_000_000, memoryBytes: 1024 })]), [
      'node_cpu_usage_seconds_total 12.8 1700000100200',
      'node_memory_working_set_bytes 3072000 1700000100200',
      'container_cpu_usage_seconds_total{container="main",namespace="default",pod="p"} 1.5 1700000100000',
      'container_cpu_usage_seconds_total{container="side",namespace="default",pod="p"} 0.5 1700000100000',
      'container_memory_working_set_bytes{container="main",namespace="default",pod="p"} 65536 1700000100000',
      'container_memory_working_set_bytes{container="side",namespace="default",pod="p"} 1024 1700000100000',
      'container_start_time_seconds{container="main",namespace="default",pod="p"} 1700000050.5',
      'container_start_time_seconds{container="side",namespace="default",pod="p"} 1700000050.5',
      'pod_cpu_usage_seconds_total{namespace="default",pod="p"} 2 1700000100000',
      'pod_memory_working_set_bytes{namespace="default",pod="p"} 66560 1700000100000',
      'resource_scrape_error 0',
      '',
    ]);
  });

  test('tells of a machine that cannot be read', () => {
    assert.deepEqual(resourceMetrics([], undefined, 0).split('\n').filter((line) => !line.startsWith('#')), ['resource_scrape_error 1', '']);
  });
});

test('the Summary sums up containers by pod', () => {
  const told = summary('n', [stats('main'), stats('side'), stats('main', { podUid: 'v', podName: 'q' })], node, 1_700_000_100_200) as { pods: { podRef: object; cpu: object; containers: object[] }[] };
  assert.deepEqual(told.pods.map(({ podRef, cpu, containers }) => [podRef, cpu, containers.length]), [
    [{ name: 'p', namespace: 'default', uid: 'u' }, { time: '2023-11-14T22:15:00.000Z', usageCoreNanoSeconds: 3_000_000_000 }, 2],
    [{ name: 'q', namespace: 'default', uid: 'v' }, { time: '2023-11-14T22:15:00.000Z', usageCoreNanoSeconds: 1_500_000_000 }, 1],
  ]);
});
