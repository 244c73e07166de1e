import type { ContainerObservation, PodSandboxObservation } from '../../api/engine.ts';
import type { ContainerState, ContainerStatus, Pod } from '../../api/kubernetes.ts';
import { age } from './age.ts';

/** What a row of `wasmlet ps` says of a pod. */
export interface PodSummary {
  readonly namespace: string;
  readonly name: string;
  /** `1/2`. */
  readonly ready: string;
  /** The one word that tells most: phase, or why it is not what it should be. */
  readonly status: string;
  readonly restarts: string;
  /** Names of the runtimes at work, each once. */
  readonly runtimes: string;
  readonly age: string;
}

export const podColumns = ['NAMESPACE', 'POD', 'READY', 'STATUS', 'RESTARTS', 'RUNTIME', 'AGE'] as const;

export function podRow(summary: PodSummary): string[] {
  return [summary.namespace, summary.name, summary.ready, summary.status, summary.restarts, summary.runtimes, summary.age];
}

/** By kubectl's rules (pkg/printers/internalversion/printers.go, printPod). */
export function summarizePod(pod: Pod, sandbox: PodSandboxObservation | undefined, now: number): PodSummary {
  const statuses = pod.status?.containerStatuses ?? [];
  const initStatuses = pod.status?.initContainerStatuses ?? [];
  const restarts = [...statuses, ...initStatuses].reduce((sum, { restartCount }) => sum + restartCount, 0);
  const current = currentContainers(sandbox);
  const inOrder = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].flatMap(({ name }) => current.find((container) => container.name === name) ?? []);
  const runtimes = new Set(inOrder.map(({ runtime }) => runtime));
  return {
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    ready: `${statuses.filter(({ ready }) => ready).length}/${pod.spec.containers.length}`,
    status: statusOf(pod, initStatuses, statuses),
    restarts: String(restarts),
    runtimes: runtimes.size === 0 ? '-' : [...runtimes].join(','),
    age: age(pod.metadata.creationTimestamp ?? pod.status?.startTime, now),
  };
}

/** The newest attempt of each container; the sandbox lists attempts oldest first. */
export function currentContainers(sandbox: PodSandboxObservation | undefined): ContainerObservation[] {
  return [...new Map(sandbox?.containers.map((container) => [container.name, container])).values()];
}

function statusOf(pod: Pod, initStatuses: readonly ContainerStatus[], statuses: readonly ContainerStatus[]): string {
  const own = pod.status?.reason ?? pod.status?.phase ?? 'Pending';
  const blocked = initStatuses.findIndex(({ state }) => state?.terminated?.exitCode !== 0);
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (blocked >= 0 && pod.status?.phase !== 'Running') return initStatus(initStatuses[blocked]!.state, blocked, initStatuses.length);
  const told = statuses.toReversed().map(({ state }) => reasonOf(state)).find((reason) => reason !== undefined);
  // A pod that completed one container and runs another is running.
  return told === 'Completed' && statuses.some(({ state }) => state?.running) ? 'Running' : (told ?? own);
}

function initStatus(state: ContainerState | undefined, index: number, count: number): string {
  const reason = reasonOf(state);
  return reason === undefined || reason === 'PodInitializing' ? `Init:${index}/${count}` : `Init:${reason}`;
}

function reasonOf(state: ContainerState | undefined): string | undefined {
  const { waiting, terminated } = state ?? {};
  if (waiting) return waiting.reason;
  return terminated && (terminated.reason ?? `ExitCode:${terminated.exitCode}`);
}
