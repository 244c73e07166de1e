import type { Pod, PodStatus } from '../../api/kubernetes.ts';
import { isOwned } from '../../pod/status/pod-conditions.ts';

/** Conditions that belong to others are whatever the API shows. */
export function mergeForeignConditions(status: PodStatus, { status: shown }: Pod): PodStatus {
  const foreign = (shown?.conditions ?? []).filter((condition) => !isOwned(condition));
  const conditions = [...(status.conditions ?? []).filter(isOwned), ...foreign];
  return conditions.length === 0 ? status : { ...status, conditions };
}

/** Equal but for the order of keys, members that are undefined or empty, and the order of conditions. Compares at every sync of every pod. */
export function sameStatus(left: PodStatus | undefined, right: PodStatus | undefined): boolean {
  return left === right || same(sorted(left), sorted(right));
}

function sorted(status: PodStatus | undefined): PodStatus {
  const conditions = [...(status?.conditions ?? [])].sort((a, b) => (a.type < b.type ? -1 : 1));
  return { ...status, conditions };
}

function same(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return isEmpty(left) && isEmpty(right);
  if (Array.isArray(left) && Array.isArray(right)) return left.length === right.length && left.every((item, index) => same(item, right[index]));
  const [ours, others] = [left as Record<string, unknown>, right as Record<string, unknown>];
  return Object.keys(ours).every((key) => same(ours[key], others[key])) && Object.keys(others).every((key) => key in ours || isEmpty(others[key]));
}

/** The API drops empty members, as Go's `omitempty` does. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.values(value).every(isEmpty));
}
