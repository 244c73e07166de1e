import type { ContainerStatus, PodStatus } from '../../api/kubernetes.ts';

const startingReasons: readonly (string | undefined)[] = ['ContainerCreating', 'PodInitializing'];

/**
 * Whether a status says no more than that a pod is being started, and nothing of it has begun or failed: what the API shows of
 * a pod that was just bound, `Pending`, says the same. A quick start makes it untrue before anybody has read it.
 */
export function isOnTheWay({ phase, reason, containerStatuses = [], initContainerStatuses = [] }: PodStatus): boolean {
  const containers = [...initContainerStatuses, ...containerStatuses];
  return phase === 'Pending' && reason === undefined && containers.length > 0 && containers.every(isStarting);
}

function isStarting({ state, lastState, restartCount }: ContainerStatus): boolean {
  const untouched = restartCount === 0 && lastState?.terminated === undefined && lastState?.waiting === undefined;
  return untouched && state?.waiting !== undefined && startingReasons.includes(state.waiting.reason) && state.waiting.message === undefined;
}
