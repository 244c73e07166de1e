import type { Node, Pod } from '../../api/kubernetes.ts';
import type { PlacedPods } from './placed-pods.ts';
import type { PodFailure } from '../status/generate-pod-status.ts';
import { podRequests } from './pod-requests.ts';
import { parseMilliQuantity } from '../quantity.ts';

const ownResources = ['cpu', 'memory', 'ephemeral-storage'] as const;

/**
 * Requests of this pod and of those that are here against what the node can give (scheduler plugin noderesources, Fits).
 * Throws FIELD_INVALID.
 */
export function checkResources(pod: Pod, { status }: Node, others: PlacedPods): PodFailure | undefined {
  const wanted = podRequests(pod);
  const allocatable = status?.allocatable;
  // A node that has not measured itself yet cannot refuse by measure.
  if (allocatable === undefined) return undefined;
  if (allocatable['pods'] !== undefined && BigInt(others.list.length + 1) * 1000n > parseMilliQuantity(allocatable['pods'])) {
    return insufficient('pods', 1n, BigInt(others.list.length), parseMilliQuantity(allocatable['pods']) / 1000n);
  }
  for (const [name, request] of wanted) {
    const total = allocatable[name];
    // Extended resources that this node does not know are dropped from the check; the scheduler has looked at them.
    if (request <= 0n || (total === undefined && !ownResources.some((own) => own === name))) continue;
    const capacity = total === undefined ? 0n : parseMilliQuantity(total);
    const used = others.requests.get(name) ?? 0n;
    if (request + used <= capacity) continue;
    // Upstream counts cpu in thousandths, everything else in whole units.
    const unit = name === 'cpu' ? 1n : 1000n;
    return insufficient(name, request / unit, used / unit, capacity / unit);
  }
  return undefined;
}

function insufficient(resource: string, requested: bigint, used: bigint, capacity: bigint): PodFailure {
  const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${resource}`, message };
}
