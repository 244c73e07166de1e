import type { Container, Pod } from '../api/kubernetes.ts';
import { parseMilliQuantity } from './quantity.ts';

/**
 * A container's limit of a resource, in thousandths; undefined: none. A limit of the pod (KEP-2837) bounds all its containers
 * together: what those with a limit of their own leave is shared out equally among the others, and where their sum is more
 * than the pod's, each has its share of it. A memory's maximum is set when its guest starts, so no container can have what
 * another does not use. Init containers run alone. Throws FIELD_INVALID.
 */
export function containerLimit({ spec }: Pod, container: Container, resource: 'cpu' | 'memory'): bigint | undefined {
  const own = limitIn(container, resource);
  const ofPod = limitIn(spec, resource);
  if (ofPod === undefined) return own;
  if (!spec.containers.some(({ name }) => name === container.name)) return own === undefined || own > ofPod ? ofPod : own;
  const limits = spec.containers.map((each) => limitIn(each, resource));
  const sum = limits.reduce<bigint>((total, limit) => total + (limit ?? 0n), 0n);
  const open = BigInt(limits.filter((limit) => limit === undefined).length);
  if (sum < ofPod || (sum === ofPod && open === 0n)) return own ?? (ofPod - sum) / open;
  // One without a limit of its own is taken for an average one of the others.
  const average = sum / (BigInt(limits.length) - open);
  return (ofPod * (own ?? average)) / (sum + open * average);
}

function limitIn({ resources }: Pick<Container, 'resources'>, resource: string): bigint | undefined {
  const text = resources?.limits?.[resource];
  return text === undefined ? undefined : parseMilliQuantity(String(text));
}
