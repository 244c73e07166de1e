import type { Pod, PodSpec } from '../../api/kubernetes.ts';
import { parseMilliQuantity } from '../quantity.ts';

/** By resource, in thousandths. */
export type Amounts = ReadonlyMap<string, bigint>;
type Lists = Readonly<Record<string, string>> | undefined | null;

/**
 * What a pod asks of its node, in thousandths: the larger of all main containers together and of each init container,
 * a pod-level request in their place, plus overhead (component-helpers resource.PodRequests). Throws FIELD_INVALID.
 */
export function podRequests({ spec }: Pod): Amounts {
  const main = sum(spec.containers.map(requestsOf));
  const containers = (spec.initContainers ?? []).map(requestsOf).reduce(larger, main);
  const podLevel = parse(requestsAndLimits(spec.resources));
  return sum([new Map([...containers, ...podLevel]), parse(spec.overhead)]);
}

function requestsOf({ resources }: PodSpec['containers'][number]): Amounts {
  return parse(requestsAndLimits(resources));
}

/** A limit without a request is its request, as the API server defaults it. */
function requestsAndLimits(resources: PodSpec['resources']): Lists {
  return { ...(resources?.limits ?? {}), ...(resources?.requests ?? {}) };
}

function parse(list: Lists): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseMilliQuantity(String(text))]));
}

function sum(lists: readonly Amounts[]): Amounts {
  const total = new Map<string, bigint>();
  for (const list of lists) for (const [name, amount] of list) total.set(name, (total.get(name) ?? 0n) + amount);
  return total;
}

function larger(left: Amounts, right: Amounts): Amounts {
  const result = new Map(left);
  for (const [name, amount] of right) result.set(name, amount > (left.get(name) ?? 0n) ? amount : (left.get(name) ?? 0n));
  return result;
}
