import type { Node, NodeStatus, Taint } from '../../api/kubernetes.ts';
import { parseMilliQuantity } from '../../pod/quantity.ts';
import { mergePatch, patchMap } from '../pods/strategic-merge.ts';

/** Conditions of a kubelet (kubelet_node_status.go); a cloud's or a problem detector's are left alone. */
const kubeletConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** addresses has the merge key `type`, which is wrong for two InternalIPs: always sent whole. */
const rules = {
  deletable: ['images', 'runtimeHandlers', 'declaredFeatures', 'features', 'addresses'],
  byType: { conditions: { owned: (type: string) => kubeletConditions.includes(type) } },
  replaced: ['addresses'],
};

/** The `status` of the PATCH of nodes/status, or undefined when nothing differs. */
export function nodeStatusPatch(observed: NodeStatus, status: NodeStatus): Record<string, unknown> | undefined {
  const wanted = { ...status, capacity: asObserved(observed.capacity, status.capacity), allocatable: asObserved(observed.allocatable, status.allocatable) };
  return mergePatch({ ...observed }, wanted, rules);
}

type Quantities = Readonly<Record<string, string>> | undefined;

/** The API server writes quantities in their shortest form: `4194304Ki` comes back as `4Gi`, which is no difference. */
function asObserved(observed: Quantities, wanted: Quantities): Quantities {
  if (observed === undefined || wanted === undefined) return wanted;
  return Object.fromEntries(Object.entries(wanted).map(([resource, quantity]) => {
    const before = observed[resource];
    return [resource, before !== undefined && parseMilliQuantity(before) === parseMilliQuantity(quantity) ? before : quantity];
  }));
}

/** True when there is more to write than that the node still lives. */
export function differsBeyondHeartbeats(observed: NodeStatus, status: NodeStatus): boolean {
  const beats = new Map((observed.conditions ?? []).map(({ type, lastHeartbeatTime }) => [type, lastHeartbeatTime]));
  const conditions = (status.conditions ?? []).map(({ lastHeartbeatTime: _, ...condition }) => {
    const beat = beats.get(condition.type);
    return beat === undefined ? condition : { ...condition, lastHeartbeatTime: beat };
  });
  return nodeStatusPatch(observed, { ...status, conditions }) !== undefined;
}

/** What a registered node lacks of the taints that it would be created with. */
export function missingTaints(node: Node, wanted: readonly Taint[]): readonly Taint[] {
  const same = (left: Taint, right: Taint): boolean => left.key === right.key && left.effect === right.effect && (left.value ?? '') === (right.value ?? '');
  return wanted.filter((taint) => !(node.spec?.taints ?? []).some((existing) => same(existing, taint)));
}

/** Labels of this prefix tell the active runtimes: one that failed takes its label off the node. */
const runtimePrefix = 'wasmlet.dev/runtime-';

/** The PATCH that gives a registered node our labels and annotations, or undefined. Labels set by others stay. */
export function nodeMetadataPatch(observed: Node, wanted: { readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>> }): object | undefined {
  const { labels = {}, annotations = {} } = observed.metadata;
  const ours = (key: string): boolean => key in wanted.labels || key.startsWith(runtimePrefix);
  const labelPatch = patchMap(Object.fromEntries(Object.entries(labels).filter(([key]) => ours(key))), wanted.labels);
  const annotationPatch = patchMap(Object.fromEntries(Object.entries(annotations).filter(([key]) => key in wanted.annotations)), wanted.annotations);
  if (Object.keys(labelPatch).length === 0 && Object.keys(annotationPatch).length === 0) return undefined;
  return { metadata: { labels: labelPatch, annotations: annotationPatch } };
}
