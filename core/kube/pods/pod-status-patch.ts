import type { Pod, PodStatus } from '../../api/kubernetes.ts';
import { mergePatch } from './strategic-merge.ts';

/** Conditions that no other component writes (kubelet: types.PodConditionByKubelet). DisruptionTarget is shared, so never deleted. */
const kubeletConditions = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled', 'PodResizePending', 'PodResizeInProgress', 'AllContainersRestarting'];

/** Container status lists have no merge key: they are sent whole. podIPs and hostIPs have the key `ip`: a changed address would be added to the old one. */
const rules = {
  deletable: ['reason', 'message', 'podIP', 'podIPs', 'hostIP', 'hostIPs', 'initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses', 'observedGeneration', 'allocatedResources', 'resources'],
  byType: { conditions: { owned: (type: string) => kubeletConditions.includes(type) } },
  replaced: ['podIPs', 'hostIPs'],
};

/** Body of the PATCH of pods/status, or undefined when nothing differs. The UID makes the API server refuse it for a pod of the same name. */
export function podStatusPatch(observed: Pod, status: PodStatus): { readonly metadata: { readonly uid: string }; readonly status: object } | undefined {
  const patch = mergePatch({ ...observed.status }, { ...status }, rules);
  return patch === undefined ? undefined : { metadata: { uid: observed.metadata.uid }, status: patch };
}
