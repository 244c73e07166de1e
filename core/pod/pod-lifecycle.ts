/**
 * A pod's way through its worker: forward only. Drawn in core/kubelet/pods/pod-workers.ts; upstream: pkg/kubelet/pod_workers.go.
 * `syncing`: its containers are brought to what the spec says. `terminating`: they are being stopped and none starts any more.
 * `terminated`: nothing of it runs; volumes go, the last status is written. `finished`: no trace is left on this node.
 */
export type PodWorkerState = 'syncing' | 'terminating' | 'terminated' | 'finished';

export const podLifecycle: Readonly<Record<PodWorkerState, readonly PodWorkerState[]>> = {
  syncing: ['terminating'],
  terminating: ['terminated'],
  terminated: ['finished'],
  finished: [],
};

/** What the lifecycle depends on; each is a level, so asking twice does no harm. */
export interface LifecycleFacts {
  /** Deleted, force deleted, refused, past its deadline, or done. */
  readonly mustEnd: boolean;
  /** A container is created or runs, or a stop has not returned yet. */
  readonly anythingRuns: boolean;
  /** The pod is no longer desired and all its traces have been removed. */
  readonly gone: boolean;
}

/** At most one step. A state is left only for one that the table names. */
export function advancePodLifecycle(state: PodWorkerState, facts: LifecycleFacts): PodWorkerState {
  switch (state) {
    case 'syncing':
      return facts.mustEnd ? 'terminating' : state;
    case 'terminating':
      return facts.anythingRuns ? state : 'terminated';
    case 'terminated':
      return facts.gone ? 'finished' : state;
    case 'finished':
      return state;
  }
}
