import type { Container, Pod } from '../../api/kubernetes.ts';
import { containerRuntimeAnnotation, isolationAnnotation, runtimeAnnotation, stackAnnotation } from '../annotations.ts';

/** FNV-1a, 32 bits, from two beginnings. */
const beginnings = [0x811c9dc5, 0x050c5d1f] as const;
const fnvPrime = 0x01000193;
const encoder = new TextEncoder();

/**
 * Of name, image, runtime, isolation and stack as annotated, 16 hex digits. A different hash means
 * kill and start. Defaults of the node's configuration are no part of it, so that changing one restarts nothing.
 */
export function containerHash(pod: Pod, container: Container): string {
  const annotations = pod.metadata.annotations ?? {};
  const stack = annotations[stackAnnotation];
  const definition = JSON.stringify([
    container.name,
    container.image ?? '',
    annotations[containerRuntimeAnnotation(container.name)] ?? annotations[runtimeAnnotation] ?? '',
    annotations[isolationAnnotation] ?? '',
    ...(stack === undefined ? [] : [stack]),
  ]);
  const bytes = encoder.encode(definition);
  return beginnings.map((beginning) => hex(bytes.reduce((hash, byte) => Math.imul(hash ^ byte, fnvPrime), beginning))).join('');
}

function hex(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, '0');
}
