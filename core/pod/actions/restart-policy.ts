import type { Container, Pod } from '../../api/kubernetes.ts';

export type ContainerKind = 'init' | 'main';

/**
 * Whether an end with `exitCode` is followed by another attempt. A container's own policy wins over the pod's; for an
 * init container Always acts as OnFailure (upstream: pkg/kubelet/container/helpers.go ShouldContainerBeRestarted).
 */
export function isRestartable(pod: Pod, container: Container, kind: ContainerKind, exitCode: number): boolean {
  switch (container.restartPolicy ?? pod.spec.restartPolicy) {
    case 'Never':
      return false;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return kind === 'main' || exitCode !== 0;
  }
}
