import type { ContainerStatus, Pod } from '../../api/kubernetes.ts';

export type LogContainer = { readonly id: string } | { readonly problem: string };

const scheme = 'wasmlet://';

/** True when the pod's spec names the container, of any kind. */
export function hasContainer(pod: Pod, name: string): boolean {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  return [...containers, ...initContainers, ...ephemeralContainers].some((container) => container.name === name);
}

/**
 * The instance whose log answers for a container, by the pod's status, or why there is none yet
 * (pkg/kubelet/kubelet_pods.go, validateContainerLogStatus, with its texts).
 */
export function selectLogContainer(pod: Pod, name: string, previous: boolean): LogContainer {
  const where = `container ${JSON.stringify(name)} in pod ${JSON.stringify(pod.metadata.name)}`;
  const status = findStatus(pod, name);
  if (!status) return { problem: `${where} is not available` };
  const last = status.lastState?.terminated?.containerID;
  if (previous) return last ? instance(last) : { problem: `previous terminated ${where} not found` };
  const { waiting, running, terminated } = status.state ?? {};
  if (running && status.containerID) return instance(status.containerID);
  if (terminated || status.lastState?.terminated) {
    const ended = terminated?.containerID || last;
    return ended ? instance(ended) : { problem: `${where} is terminated` };
  }
  if (waiting) return { problem: `${where} is waiting to start: ${waitingText(waiting.reason ?? '')}` };
  return { problem: `${where} is waiting to start - no logs yet` };
}

function waitingText(reason: string): string {
  if (reason === 'ErrImagePull') return "image can't be pulled";
  if (reason === 'ImagePullBackOff') return 'trying and failing to pull image';
  return reason;
}

function findStatus(pod: Pod, name: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find((status) => status.name === name);
}

function instance(containerId: string): LogContainer {
  return { id: containerId.startsWith(scheme) ? containerId.slice(scheme.length) : containerId };
}
