import type { Node, Pod } from '../../api/kubernetes.ts';
import type { PodFailure } from '../status/generate-pod-status.ts';

/** Filled below. */
export function admitPod(_pod: Pod, _node: Node, _others: readonly Pod[]): PodFailure | undefined {
  return undefined;
}
