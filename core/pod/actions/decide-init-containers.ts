import type { Pod } from '../../api/kubernetes.ts';
import { willRestart, type ContainerHistory } from './container-history.ts';

export interface InitDecision {
  /** All have succeeded, or a main container has begun once: main containers may run. */
  readonly initialized: boolean;
  /** The one whose turn it is. */
  readonly current?: ContainerHistory;
  /** One has failed for good: nothing of the pod starts any more. */
  readonly failed: boolean;
}

/** Init containers run one after another, each to exit code 0 (upstream: computeInitContainerActions). */
export function decideInitContainers(pod: Pod, histories: readonly ContainerHistory[]): InitDecision {
  // After a crash the init containers' records may be gone while the main ones' are there: they must not run again.
  if (histories.some(({ kind, latest }) => kind === 'main' && latest !== undefined)) return { initialized: true, failed: false };
  for (const history of histories.filter(({ kind }) => kind === 'init')) {
    const exit = history.latest?.exit;
    if (exit?.code === 0 && !history.replaced) continue;
    if (history.latest?.phase === 'exited' && !willRestart(pod, history)) return { initialized: false, failed: true };
    return { initialized: false, failed: false, current: history };
  }
  return { initialized: true, failed: false };
}
