/**
 * Whether this node takes a pod that was bound to it (upstream: pkg/kubelet/lifecycle/predicate.go and the admit handlers).
 * The scheduler may have been wrong, late or absent. Reasons and messages are upstream's.
 */
import { messageOf } from '../../api/errors.ts';
import type { Node, Pod } from '../../api/kubernetes.ts';
import type { PodFailure } from '../status/generate-pod-status.ts';
import { checkHonourable } from './check-honourable.ts';
import { checkHostPorts } from './check-host-ports.ts';
import { checkNodeAffinity } from './check-node-affinity.ts';
import { checkOperatingSystem } from './check-operating-system.ts';
import { checkResources } from './check-resources.ts';
import { checkTaints } from './check-taints.ts';
import type { PlacedPods } from './placed-pods.ts';

/** `others`: pods that hold this node's resources and ports. The pod itself is not among them. */
export type AdmissionCheck = (pod: Pod, node: Node, others: PlacedPods) => PodFailure | undefined;

const checks: readonly AdmissionCheck[] = [
  checkHonourable,
  checkOperatingSystem,
  checkResources,
  checkNodeAffinity,
  checkNodeName,
  checkHostPorts,
  checkTaints,
];

/** Undefined: admitted. Otherwise the first reason against it. Never throws: a value that cannot be read is a reason, too. */
export function admitPod(pod: Pod, node: Node, others: PlacedPods): PodFailure | undefined {
  try {
    for (const check of checks) {
      const failure = check(pod, node, others);
      if (failure !== undefined) return failure;
    }
    return undefined;
  } catch (error) {
    return { reason: 'UnexpectedAdmissionError', message: `the pod cannot be judged: ${messageOf(error)}` };
  }
}

function checkNodeName({ spec }: Pod, { metadata }: Node): PodFailure | undefined {
  if (!spec.nodeName || spec.nodeName === metadata.name) return undefined;
  return { reason: 'NodeName', message: "Predicate NodeName failed: node(s) didn't match the requested node name" };
}
