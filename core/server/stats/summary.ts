import type { ContainerStats } from '../../api/engine.ts';
import type { NodeUsage } from './node-usage.ts';

/** `stats.k8s.io/v1alpha1` Summary, the parts that a node of guests can tell (k8s.io/kubelet/pkg/apis/stats/v1alpha1). */
export function summary(nodeName: string, containers: readonly ContainerStats[], node: NodeUsage, now: number): object {
  const used = node.memoryTotalBytes - node.memoryAvailableBytes;
  return {
    node: {
      nodeName,
      startTime: time(node.startedAt),
      cpu: cpu(Math.round(node.cpuSeconds * 1e9), now),
      memory: { time: time(now), availableBytes: node.memoryAvailableBytes, usageBytes: used, workingSetBytes: used },
    },
    pods: [...Map.groupBy(containers, ({ podUid }) => podUid).values()].map(podSummary),
  };
}

/** `containers`: one at least. */
function podSummary(containers: readonly ContainerStats[]): object {
  const { podName, namespace, podUid, timestamp } = containers[0]!;
  const total = (field: 'cpuNanoseconds' | 'memoryBytes'): number => containers.reduce((sum, stats) => sum + stats[field], 0);
  return {
    podRef: { name: podName, namespace, uid: podUid },
    startTime: time(Math.min(...containers.map(({ startedAt }) => startedAt))),
    cpu: cpu(total('cpuNanoseconds'), timestamp),
    memory: memory(total('memoryBytes'), timestamp),
    containers: containers.map(({ name, startedAt, cpuNanoseconds, memoryBytes }) => ({
      name,
      startTime: time(startedAt),
      cpu: cpu(cpuNanoseconds, timestamp),
      memory: memory(memoryBytes, timestamp),
    })),
  };
}

function cpu(usageCoreNanoSeconds: number, at: number): object {
  return { time: time(at), usageCoreNanoSeconds };
}

/** All of a guest's memory is its working set: nothing of it can be taken away. */
function memory(bytes: number, at: number): object {
  return { time: time(at), usageBytes: bytes, workingSetBytes: bytes };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
