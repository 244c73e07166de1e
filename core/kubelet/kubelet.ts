/** What other rooms may ask the kubelet. */
import type { Pod } from '../api/kubernetes.ts';

export interface PodDirectory {
  /** Desired pods (API and static) with the status that the kubelet computed last. */
  list(): readonly Pod[];
  find(namespace: string, name: string): Pod | undefined;
}
