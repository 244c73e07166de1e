import type { Pod } from '../api/kubernetes.ts';
import { configSourceAnnotation } from './annotations.ts';

/** True for a pod from this node's files: the API server does not know it (upstream: pkg/kubelet/types/pod_update.go IsStaticPod). */
export function isStaticPod(pod: Pod): boolean {
  const source = pod.metadata.annotations?.[configSourceAnnotation];
  return source !== undefined && source !== 'api';
}
