import type { Pod, PodStatus } from '../../api/kubernetes.ts';
import { isOwned } from '../../pod/status/pod-conditions.ts';

/** Conditions that belong to others are whatever the API shows. */
export function mergeForeignConditions(status: PodStatus, { status: shown }: Pod): PodStatus {
  const foreign = (shown?.conditions ?? []).filter((condition) => !isOwned(condition));
  const conditions = [...(status.conditions ?? []).filter(isOwned), ...foreign];
  return conditions.length === 0 ? status : { ...status, conditions };
}

/** Equal but for the order of keys, members that are undefined or empty, and the order of conditions. */
export function sameStatus(left: PodStatus | undefined, right: PodStatus | undefined): boolean {
  return left === right || JSON.stringify(canonical(sorted(left))) === JSON.stringify(canonical(sorted(right)));
}

function sorted(status: PodStatus | undefined): PodStatus {
  const conditions = [...(status?.conditions ?? [])].sort((a, b) => (a.type < b.type ? -1 : 1));
  return { ...status, conditions };
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => !isEmpty(member))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, canonical(member)]),
  );
}

/** The API drops empty members, as Go's `omitempty` does. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.values(value).every(isEmpty));
}
