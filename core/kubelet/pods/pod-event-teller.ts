import type { ObjectReference, Pod } from '../../api/kubernetes.ts';
import type { EventRecorder, EventType } from '../../kube/kube.ts';

/** Tells events about pods and their containers; the texts are upstream's (pkg/kubelet/events). */
export class PodEventTeller {
  readonly #recorder: EventRecorder;

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  pod(pod: Pod, type: EventType, reason: string, message: string): void {
    this.#recorder.event(reference(pod), type, reason, message);
  }

  container(pod: Pod, container: string, type: EventType, reason: string, message: string): void {
    const lists = ['initContainers', 'ephemeralContainers'] as const;
    const list = lists.find((key) => pod.spec[key]?.some(({ name }) => name === container)) ?? 'containers';
    this.#recorder.event(reference(pod, `spec.${list}{${container}}`), type, reason, message);
  }
}

function reference({ metadata }: Pod, fieldPath?: string): ObjectReference {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
    ...(fieldPath !== undefined && { fieldPath }),
  };
}
