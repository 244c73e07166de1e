import type { ContainerStats } from '../../api/engine.ts';
import type { NodeUsage } from './node-usage.ts';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Milliseconds since the epoch; absent: none is written. */
  readonly at?: number;
}

/**
 * /metrics/resource (contract §7; pkg/kubelet/metrics/collectors/resource_metrics.go): Prometheus' text format with the time
 * of each reading, by which metrics-server computes rates. `node` undefined: the machine could not be read.
 */
export function resourceMetrics(containers: readonly ContainerStats[], node: NodeUsage | undefined, now: number): string {
  const pods = podsOf(containers);
  const of = ({ name, namespace, podName }: ContainerStats): Labels => ({ container: name, namespace, pod: podName });
  const machine = (value: (usage: NodeUsage) => number): Sample[] => (node === undefined ? [] : [{ labels: {}, value: value(node), at: now }]);
  return [
    family('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', machine(({ cpuSeconds }) => cpuSeconds)),
    family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', machine(({ memoryTotalBytes, memoryAvailableBytes }) => memoryTotalBytes - memoryAvailableBytes)),
    family('container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the container in core-seconds', containers.map((stats) => ({ labels: of(stats), value: stats.cpuNanoseconds / 1e9, at: stats.timestamp }))),
    family('container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes', containers.map((stats) => ({ labels: of(stats), value: stats.memoryBytes, at: stats.timestamp }))),
    family('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds', containers.map((stats) => ({ labels: of(stats), value: stats.startedAt / 1000 }))),
    family('pod_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the pod in core-seconds', pods.map(({ labels, cpuNanoseconds, timestamp }) => ({ labels, value: cpuNanoseconds / 1e9, at: timestamp }))),
    family('pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes', pods.map(({ labels, memoryBytes, timestamp }) => ({ labels, value: memoryBytes, at: timestamp }))),
    family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [{ labels: {}, value: node === undefined ? 1 : 0 }]),
  ].join('');
}

function podsOf(containers: readonly ContainerStats[]): { labels: Labels; cpuNanoseconds: number; memoryBytes: number; timestamp: number }[] {
  return [...Map.groupBy(containers, ({ podUid }) => podUid).values()].map((all) => ({
    labels: { namespace: all[0]!.namespace, pod: all[0]!.podName },
    cpuNanoseconds: all.reduce((sum, { cpuNanoseconds }) => sum + cpuNanoseconds, 0),
    memoryBytes: all.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    timestamp: all[0]!.timestamp,
  }));
}

function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(({ labels, value, at }) => `${name}${formatLabels(labels)} ${value}${at === undefined ? '' : ` ${Math.round(at)}`}\n`);
  return `# HELP ${name} [STABLE] ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

/** Names of Kubernetes objects hold nothing that the format would have to escape. */
function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
