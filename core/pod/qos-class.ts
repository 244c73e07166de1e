import type { Container, Pod } from '../api/kubernetes.ts';
import { parseMilliQuantity } from './quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const counted = ['cpu', 'memory'] as const;

/** Upstream: pkg/apis/core/v1/helper/qos. The API server writes it at creation; pods from files have none. */
export function qosClass({ spec }: Pod): QosClass {
  const containers: readonly Pick<Container, 'resources'>[] = spec.resources
    ? [{ resources: spec.resources }]
    : [...spec.containers, ...(spec.initContainers ?? [])];
  const given = containers.flatMap(({ resources }) => [resources?.requests, resources?.limits]);
  if (!given.some((list) => counted.some((name) => isPositive(list?.[name])))) return 'BestEffort';
  const guaranteed = containers.every(({ resources }) =>
    counted.every((name) => {
      const limit = resources?.limits?.[name];
      const request = resources?.requests?.[name] ?? limit;
      return limit !== undefined && request !== undefined && isPositive(limit) && amount(limit) === amount(request);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function isPositive(text: string | undefined): boolean {
  return text !== undefined && (amount(text) ?? 0n) > 0n;
}

/** Undefined for what is no quantity: a QoS class must not fail a pod that admission is about to refuse. */
function amount(text: string): bigint | undefined {
  try {
    return parseMilliQuantity(text);
  } catch {
    return undefined;
  }
}
