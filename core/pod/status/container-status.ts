/** Container statuses as contract §2.7 of the kubelet describes them (upstream: convertToAPIContainerStatuses). */
import type { ContainerObservation } from '../../api/engine.ts';
import type { ContainerState, ContainerStateTerminated, ContainerStatus, Pod } from '../../api/kubernetes.ts';
import { containerIdPrefix, willRestart, type ContainerHistory } from '../actions/container-history.ts';
import type { WaitingReason } from '../actions/decide-containers.ts';
import { apiTime } from './api-time.ts';

export interface ContainerStatusContext {
  readonly pod: Pod;
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** Nothing starts any more: ends are shown as they are. */
  readonly ending: boolean;
  /** Nothing runs any more: what has no end is unknown. */
  readonly ended: boolean;
  /** Main containers may have begun. */
  readonly initialized: boolean;
}

/** All containers of a pod may fill 12 KiB with their messages. */
const messageBudgetBytes = 12 * 1024;

export function containerStatus(history: ContainerHistory, context: ContainerStatusContext): ContainerStatus {
  const { container, latest, previous, restartCount } = history;
  const { state, lastState } = states(history, context);
  const running = state.running !== undefined;
  const succeeded = state.terminated?.exitCode === 0;
  const shown = latest ?? previous;
  return {
    name: container.name,
    state,
    lastState,
    ready: history.kind === 'main' ? running : succeeded,
    restartCount,
    image: shown?.image ?? container.image ?? '',
    imageID: shown?.imageId ?? '',
    ...(shown?.id && { containerID: containerIdPrefix + shown.id }),
    started: running,
    ...(container.resources && { resources: container.resources }),
    ...(container.resources?.requests && { allocatedResources: container.resources.requests }),
    ...(container.volumeMounts && {
      volumeMounts: container.volumeMounts.map(({ name, mountPath, readOnly }) => ({
        name,
        mountPath,
        ...(readOnly && { readOnly, recursiveReadOnly: 'Disabled' }),
      })),
    }),
  };
}

function states(history: ContainerHistory, context: ContainerStatusContext): { state: ContainerState; lastState: ContainerState } {
  const { latest, previous, container } = history;
  const terminated = (attempt: ContainerObservation | undefined): ContainerState => {
    const end = attempt && terminatedState(attempt, context.pod);
    return end ? { terminated: end } : {};
  };
  if (latest?.phase === 'running' && latest.startedAt !== undefined) {
    return { state: { running: { startedAt: apiTime(latest.startedAt) } }, lastState: terminated(previous) };
  }
  if (latest?.phase === 'exited') {
    if (context.ending || !willRestart(context.pod, history)) return { state: terminated(latest), lastState: terminated(previous) };
    const waiting = startErrorOf(latest) ?? context.waiting.get(container.name) ?? (history.replaced ? starting(history, context) : undefined);
    if (waiting === undefined) return { state: terminated(latest), lastState: terminated(previous) };
    return { state: { waiting }, lastState: terminated(latest) };
  }
  if (context.ended && (history.kind === 'main' ? context.initialized : latest !== undefined)) {
    return { state: { terminated: unlocated }, lastState: terminated(previous) };
  }
  const waiting = (previous && startErrorOf(previous)) ?? context.waiting.get(container.name) ?? starting(history, context);
  return { state: { waiting }, lastState: terminated(previous) };
}

const unlocated: ContainerStateTerminated = {
  exitCode: 137,
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the pod was terminated',
};

/** The cause stays visible while the container is tried again. */
function startErrorOf({ exit }: ContainerObservation): WaitingReason | undefined {
  if (exit?.reason !== 'StartError') return undefined;
  return { reason: 'RunContainerError', ...(exit.message !== undefined && { message: exit.message }) };
}

function starting({ kind }: ContainerHistory, { pod, initialized }: ContainerStatusContext): WaitingReason {
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  return { reason: hasInit && (kind === 'init' || !initialized) ? 'PodInitializing' : 'ContainerCreating' };
}

function terminatedState(attempt: ContainerObservation, pod: Pod): ContainerStateTerminated | undefined {
  if (attempt.exit === undefined) return undefined;
  const { code, reason, message } = attempt.exit;
  return {
    exitCode: code,
    reason,
    ...(message !== undefined && { message: firstBytes(message, messageBudget(pod)) }),
    ...(attempt.startedAt !== undefined && { startedAt: apiTime(attempt.startedAt) }),
    ...(attempt.finishedAt !== undefined && { finishedAt: apiTime(attempt.finishedAt) }),
    ...(attempt.id && { containerID: containerIdPrefix + attempt.id }),
  };
}

function messageBudget({ spec }: Pod): number {
  const containers = spec.containers.length + (spec.initContainers ?? []).length + (spec.ephemeralContainers ?? []).length;
  return Math.floor(messageBudgetBytes / Math.max(1, containers));
}

function firstBytes(text: string, limit: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= limit) return text;
  // `stream` leaves out a character that the cut has split.
  return new TextDecoder().decode(bytes.subarray(0, limit), { stream: true });
}
