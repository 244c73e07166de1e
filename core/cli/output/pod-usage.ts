import type { ContainerStats } from '../../api/engine.ts';
import type { IsolationClass } from '../../api/runtime.ts';

/** What a row of `wasmlet top` says of a pod that runs. */
export interface PodUsage {
  readonly namespace: string;
  readonly name: string;
  readonly containers: number;
  /** Thousandths of a CPU, between the two readings. */
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  /** Each once, in the containers' order. */
  readonly isolation: readonly IsolationClass[];
  /** The kernel's ids, each once. */
  readonly threads: readonly number[];
  /** Of the containers that run. */
  readonly restarts: number;
}

export const usageOrders = ['cpu', 'memory', 'name'] as const;
export type UsageOrder = (typeof usageOrders)[number];

export const usageColumns = ['NAMESPACE', 'POD', 'CPU(m)', 'MEMORY', 'CLASS', 'THREAD', 'RESTARTS'] as const;

export function usageRow({ namespace, name, cpuMillis, memoryBytes, isolation, threads, restarts }: PodUsage): string[] {
  return [namespace, name, cpuMillis.toFixed(1), formatBytes(memoryBytes), isolation.join(','), threads.join(','), String(restarts)];
}

/** Of all pods, in the order asked for; equal ones by name. `before`: an earlier reading; a container that is not in it counts from its start. */
export function podUsages(before: readonly ContainerStats[], now: readonly ContainerStats[], order: UsageOrder): PodUsage[] {
  const earlier = new Map(before.map((stats) => [stats.id, stats]));
  return [...Map.groupBy(now, ({ podUid }) => podUid).values()]
    .map((containers) => podUsage(containers, earlier))
    .sort((left, right) => compare(left, right, order) || byName(left, right));
}

/** One line for all of them. */
export function totalUsage(usages: readonly PodUsage[]): string {
  const sum = (value: (usage: PodUsage) => number): number => usages.reduce((total, usage) => total + value(usage), 0);
  const threads = new Set(usages.flatMap((usage) => usage.threads));
  return `${usages.length} pods, ${sum(({ containers }) => containers)} containers on ${threads.size} threads; ${sum(({ cpuMillis }) => cpuMillis).toFixed(1)}m CPU, ${formatBytes(sum(({ memoryBytes }) => memoryBytes))}`;
}

function podUsage(containers: readonly ContainerStats[], earlier: ReadonlyMap<string, ContainerStats>): PodUsage {
  const { namespace, podName: name } = containers[0]!;
  return {
    namespace,
    name,
    containers: containers.length,
    cpuMillis: containers.reduce((sum, stats) => sum + cpuMillis(earlier.get(stats.id), stats), 0),
    memoryBytes: containers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    isolation: [...new Set(containers.map(({ isolation }) => isolation))],
    threads: [...new Set(containers.map(({ threadId }) => threadId))],
    restarts: containers.reduce((sum, { attempt }) => sum + attempt, 0),
  };
}

function cpuMillis(before: ContainerStats | undefined, { cpuNanoseconds, timestamp, startedAt }: ContainerStats): number {
  const milliseconds = timestamp - (before?.timestamp ?? startedAt);
  const used = cpuNanoseconds - (before?.cpuNanoseconds ?? 0);
  return milliseconds <= 0 ? 0 : Math.max(0, used / 1e6 / milliseconds) * 1000;
}

function compare(left: PodUsage, right: PodUsage, order: UsageOrder): number {
  if (order === 'cpu') return right.cpuMillis - left.cpuMillis;
  return order === 'memory' ? right.memoryBytes - left.memoryBytes : 0;
}

function byName(left: PodUsage, right: PodUsage): number {
  const [a, b] = [left, right].map(({ namespace, name }) => `${namespace}/${name}`) as [string, string];
  return a < b ? -1 : a > b ? 1 : 0;
}

function formatBytes(bytes: number): string {
  if (bytes < 2 ** 20) return `${Math.ceil(bytes / 2 ** 10)}Ki`;
  return bytes < 10 * 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)}Mi` : `${(bytes / 2 ** 30).toFixed(1)}Gi`;
}
