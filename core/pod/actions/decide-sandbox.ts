import type { ContainerHistory } from './container-history.ts';
import { willRestart } from './container-history.ts';
import type { Pod } from '../../api/kubernetes.ts';

/** A sandbox is made when there is none and at least one container still has to run. */
export function decideSandbox(pod: Pod, histories: readonly ContainerHistory[], hasSandbox: boolean): boolean {
  if (hasSandbox) return false;
  return histories.some((history) => history.latest === undefined || willRestart(pod, history));
}
