import type { Pod } from '../api/kubernetes.ts';
import type { WaitingReason } from './decide-containers.ts';

export interface PodProblems {
  /** The whole pod cannot run. */
  readonly pod: boolean;
  readonly containers: ReadonlyMap<string, WaitingReason>;
}

export function findPodProblems(_pod: Pod): PodProblems {
  return { pod: false, containers: new Map() };
}
