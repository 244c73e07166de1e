import type { Container, Pod } from '../../api/kubernetes.ts';
import { containerRuntimeAnnotation, isolationAnnotation, runtimeAnnotation } from '../annotations.ts';

const fnvOffset = 0xcbf29ce484222325n;
const fnvPrime = 0x100000001b3n;

/**
 * Of name, image, runtime and isolation as annotated, 16 hex digits (FNV-1a 64 over their JSON). A different hash means
 * kill and start. Defaults of the node's configuration are no part of it, so that changing one restarts nothing.
 */
export function containerHash(pod: Pod, container: Container): string {
  const annotations = pod.metadata.annotations ?? {};
  const definition = JSON.stringify([
    container.name,
    container.image ?? '',
    annotations[containerRuntimeAnnotation(container.name)] ?? annotations[runtimeAnnotation] ?? '',
    annotations[isolationAnnotation] ?? '',
  ]);
  let hash = fnvOffset;
  for (const byte of new TextEncoder().encode(definition)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * fnvPrime);
  }
  return hash.toString(16).padStart(16, '0');
}
