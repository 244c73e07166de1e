import type { Pod } from '../api/kubernetes.ts';

const defaultGraceSeconds = 30;

/** The API server has been asked to delete it. */
export function isDeleting({ metadata }: Pod): boolean {
  return typeof metadata.deletionTimestamp === 'string';
}

/** At least 1 s, whatever was asked (upstream: pod_workers.go calculateEffectiveGracePeriod). */
export function stopGraceSeconds(pod: Pod): number {
  const asked = isDeleting(pod) ? pod.metadata.deletionGracePeriodSeconds : undefined;
  const seconds = asked ?? pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds;
  return Number.isFinite(seconds) ? Math.max(1, seconds) : defaultGraceSeconds;
}
