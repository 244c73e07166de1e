import type { PodSandboxObservation } from '../../api/engine.ts';
import type { PodStatus } from '../../api/kubernetes.ts';
import { containerIdPrefix } from '../../pod/actions/container-history.ts';

/** Whether a status calls a container running of which the engine has seen the end. */
export function saysRunningAfterEnd(status: PodStatus, sandbox: PodSandboxObservation | undefined): boolean {
  const running = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]
    .filter(({ state }) => state?.running)
    .map(({ containerID }) => containerID);
  return (sandbox?.containers ?? []).some(({ id, phase }) => phase === 'exited' && running.includes(containerIdPrefix + id));
}
