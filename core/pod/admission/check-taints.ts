import type { Node, Pod, Taint, Toleration } from '../../api/kubernetes.ts';
import type { PodFailure } from '../status/generate-pod-status.ts';
import { isStaticPod } from '../static-pod.ts';

/** NoExecute only: NoSchedule is the scheduler's matter. Pods from this node's files are exempt. */
export function checkTaints(pod: Pod, { spec }: Node): PodFailure | undefined {
  if (isStaticPod(pod)) return undefined;
  const taints = (spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  if (taints.every((taint) => (pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint)))) return undefined;
  return { reason: 'TaintToleration', message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate" };
}

/** k8s.io/api core/v1 Toleration.ToleratesTaint. */
function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  switch (operator ?? '') {
    case '':
    case 'Equal':
      return Boolean(key) && (value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    default:
      return false;
  }
}
