import type { ContainerStatus, Pod } from '../../api/kubernetes.ts';
import { isRestartable } from '../actions/restart-policy.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface PodPhaseInput {
  readonly pod: Pod;
  readonly init: readonly ContainerStatus[];
  readonly main: readonly ContainerStatus[];
  /** Containers that come back whatever the policy, since their definition changed. */
  readonly returning: ReadonlySet<string>;
  /** The pod is over: nothing runs and nothing will. */
  readonly ended: boolean;
}

export function isTerminal(phase: string | undefined): phase is 'Succeeded' | 'Failed' {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Counted from the statuses (upstream: pkg/kubelet/kubelet_pods.go getPhase). */
export function podPhase({ pod, init, main, returning, ended }: PodPhaseInput): PodPhase {
  const comesBack = (status: ContainerStatus, kind: 'init' | 'main', exitCode: number): boolean => {
    if (returning.has(status.name)) return true;
    const containers = kind === 'init' ? pod.spec.initContainers : pod.spec.containers;
    const container = containers?.find(({ name }) => name === status.name);
    return container !== undefined && isRestartable(pod, container, kind, exitCode);
  };

  if (init.some((status) => exitCodeOf(status, 0) !== 0 && !comesBack(status, 'init', exitCodeOf(status, 0)))) return 'Failed';
  const mainBegan = main.some((status) => status.state?.running || status.state?.terminated || status.lastState?.terminated);
  if (!mainBegan && init.some(({ state, lastState }) => !state?.terminated && !lastState?.terminated)) return 'Pending';
  if (!mainBegan && init.some((status) => exitCodeOf(status, 1) !== 0)) return 'Pending';

  const fresh = main.some(({ state, lastState }) => !state?.running && !state?.terminated && !lastState?.terminated);
  if (fresh) return 'Pending';
  if (main.some(({ state }) => state?.running)) return 'Running';
  if (main.length === 0) return 'Pending';
  const succeeded = main.every((status) => exitCodeOf(status, 1) === 0);
  if (!ended && main.some((status) => comesBack(status, 'main', exitCodeOf(status, 1)))) return 'Running';
  return succeeded ? 'Succeeded' : 'Failed';
}

function exitCodeOf({ state, lastState }: ContainerStatus, absent: number): number {
  if (state?.running) return absent;
  return state?.terminated?.exitCode ?? lastState?.terminated?.exitCode ?? absent;
}
