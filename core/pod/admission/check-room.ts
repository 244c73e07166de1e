import type { Pod } from '../../api/kubernetes.ts';
import type { IsolationClass } from '../../api/runtime.ts';
import type { PodFailure } from '../status/generate-pod-status.ts';
import { placedContainers, type PlacedContainers } from './placed-containers.ts';
import type { RuntimeHandlers } from '../select-runtime.ts';

/** What the walls of the node's process leave (core/engine/capacity.ts). */
export interface Room {
  /** Containers of a class that still fit beside those placed. */
  readonly left: (isolation: IsolationClass, placed: PlacedContainers) => number;
  readonly handlers: RuntimeHandlers;
}

/** Schedulers' helpers know it; a pod that is one too many has it, too. */
export const outOfPods = 'OutOfpods';

/**
 * The scheduler counts pods, the walls count containers: a pod of several may come before the node's offer has followed.
 */
export function checkRoom(pod: Pod, placed: PlacedContainers, { left, handlers }: Room): PodFailure | undefined {
  const wanted = placedContainers(pod, handlers);
  for (const isolation of ['dedicated', 'shared'] as const) {
    const room = left(isolation, placed);
    if (wanted[isolation] <= room) continue;
    const used = placed[isolation];
    return {
      reason: outOfPods,
      message: `Node didn't have enough resource: ${isolation} containers, requested: ${wanted[isolation]}, used: ${used}, capacity: ${used + Math.max(0, room)}`,
    };
  }
  return undefined;
}
