/** Which stack an attempt of a container gets. */
import type { Artifact } from '../api/artifact.ts';
import type { ContainerObservation, StackClass } from '../api/engine.ts';
import { WasmletError } from '../api/errors.ts';
import type { Pod } from '../api/kubernetes.ts';
import { stackAnnotation } from './annotations.ts';

export interface StackRequest {
  readonly pod: Pod;
  readonly artifact: Pick<Artifact, 'sizeBytes'>;
  /** Earlier attempts of the container, oldest first. */
  readonly attempts: readonly Pick<ContainerObservation, 'stack' | 'exit'>[];
}

export interface StackChoice {
  readonly stack: StackClass;
  /** The attempt before this one showed that it needs a deep one: worth telling. */
  readonly outgrown: boolean;
}

/** Programs of this size are interpreters, compilers and the like, which recurse. */
const largeProgramBytes = 1024 * 1024;

/**
 * As annotated; else deep for a large program, and for one that has run out of stack before. Throws FIELD_INVALID for another
 * word in the annotation.
 */
export function selectStack({ pod, artifact, attempts }: StackRequest): StackChoice {
  const annotated = pod.metadata.annotations?.[stackAnnotation];
  if (annotated !== undefined && annotated !== 'small' && annotated !== 'deep') {
    throw new WasmletError('FIELD_INVALID', `annotation ${stackAnnotation} is "${annotated}"; it can be "small" or "deep"`);
  }
  if (annotated !== undefined) return { stack: annotated, outgrown: false };
  const latest = attempts.at(-1);
  const outgrown = latest?.exit?.stackExhausted === true && latest.stack !== 'deep';
  return { stack: outgrown || latest?.stack === 'deep' || artifact.sizeBytes >= largeProgramBytes ? 'deep' : 'small', outgrown };
}
