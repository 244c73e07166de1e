/** Names that users write on pods (docs/reference). */
export const runtimeAnnotation = 'wasmlet.dev/runtime';
export const isolationAnnotation = 'wasmlet.dev/isolation';
export const stackAnnotation = 'wasmlet.dev/stack';
export const argvAnnotation = 'wasmlet.dev/argv';

/** The annotation that names the runtime of one container. */
export function containerRuntimeAnnotation(container: string): string {
  return `runtime.wasmlet.dev/${container}`;
}

/** Upstream's annotation that tells where a pod came from: `api` (or absent), `file`. */
export const configSourceAnnotation = 'kubernetes.io/config.source';
