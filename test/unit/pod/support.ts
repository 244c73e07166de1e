import type { ContainerObservation, PodSandboxObservation } from '../../../core/api/engine.ts';
import type { Pod } from '../../../core/api/kubernetes.ts';
import { containerHash } from '../../../core/pod/actions/container-hash.ts';
import { testPod } from '../../support/kubelet/kubelet-rig.ts';

export { testPod } from '../../support/kubelet/kubelet-rig.ts';
export const start = Date.UTC(2026, 0, 1);

/** An attempt of a container of the pod, exited with 0 unless said otherwise. */
export function attempt(pod: Pod, name: string, given: Partial<ContainerObservation> = {}): ContainerObservation {
  const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((known) => known.name === name) ?? { name };
  const phase = given.phase ?? (given.exit ? 'exited' : 'running');
  return {
    id: `${name}-${given.attempt ?? 0}`,
    podUid: pod.metadata.uid,
    name,
    kind: pod.spec.initContainers?.some((init) => init.name === name) ? 'init' : 'main',
    attempt: 0,
    hash: containerHash(pod, container),
    image: container.image ?? '',
    imageId: 'registry.test/hello@sha256:1',
    runtime: 'wasi',
    isolation: 'dedicated',
    createdAt: start,
    ...(phase !== 'created' && { startedAt: start }),
    ...(phase === 'exited' && { finishedAt: start + 1000 }),
    phase,
    ...given,
  };
}

export function exited(code: number, message?: string): Pick<ContainerObservation, 'exit'> {
  return { exit: { code, reason: code === 0 ? 'Completed' : 'Error', ...(message !== undefined && { message }) } };
}

export function sandboxOf(pod: Pod, ...containers: readonly ContainerObservation[]): PodSandboxObservation {
  const { uid, name, namespace } = pod.metadata;
  return { uid, name, namespace, createdAt: start, containers };
}

export function podWith(policy: 'Always' | 'OnFailure' | 'Never', ...names: readonly string[]): Pod {
  return testPod('p', { restartPolicy: policy, containers: names.map((name) => ({ name, image: 'registry.test/hello:v1' })) });
}
