import type { Pod } from '../../api/kubernetes.ts';
import type { IsolationClass } from '../../api/runtime.ts';
import { isolationAnnotation } from '../annotations.ts';
import type { RuntimeHandlers } from '../select-runtime.ts';

/** Containers by isolation class. */
export type PlacedContainers = Readonly<Record<IsolationClass, number>>;

export const noContainers: PlacedContainers = { dedicated: 0, shared: 0 };

/** Containers that a pod has at once at most. An init container runs before the main ones, in a place of theirs. */
export function placedContainers({ metadata, spec }: Pod, handlers: RuntimeHandlers): PlacedContainers {
  const isolation = expectedIsolation(metadata.annotations?.[isolationAnnotation], handlers[spec.runtimeClassName ?? '']?.isolation);
  return { ...noContainers, [isolation]: Math.max(1, spec.containers.length) };
}

/**
 * Admission cannot wait for the RuntimeClass: its handler is taken to have the class' name, as in deploy/. A shared guest
 * that then needs a thread of its own waits for one, if it must.
 */
function expectedIsolation(annotated: string | undefined, handled: IsolationClass | undefined): IsolationClass {
  return (annotated ?? handled) === 'shared' ? 'shared' : 'dedicated';
}
