import type { ContainerStatus, Pod, PodCondition, PodStatus } from '../../api/kubernetes.ts';
import { returnsWhateverThePolicy } from '../actions/container-history.ts';
import type { ContainerHistory } from '../actions/container-history.ts';
import type { WaitingReason } from '../actions/decide-containers.ts';
import { decideInitContainers } from '../actions/decide-init-containers.ts';
import type { PodWorkerState } from '../pod-lifecycle.ts';
import { isStaticPod } from '../static-pod.ts';
import { qosClass } from '../qos-class.ts';
import { apiTime } from './api-time.ts';
import { containerStatus } from './container-status.ts';
import { isOwned, podConditions } from './pod-conditions.ts';
import { isTerminal, podPhase, type PodPhase } from './pod-phase.ts';

/** Why the node, and not its containers, ended a pod. */
export interface PodFailure {
  readonly reason: string;
  readonly message: string;
}

export interface PodStatusInput {
  /** As desired; its `status` is the newest that the API showed. */
  readonly pod: Pod;
  /** The status that was generated last. */
  readonly last: PodStatus | undefined;
  readonly histories: readonly ContainerHistory[];
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  readonly state: PodWorkerState;
  readonly failure?: PodFailure;
  /** The spec asks for other resources than those that the pod has. */
  readonly resizeInfeasible: boolean;
  /** Sandbox and volumes are there. */
  readonly readyToStart: boolean;
  readonly hasSandbox: boolean;
  /** One per family; the first is `hostIP`. */
  readonly hostIPs: readonly string[];
  readonly podIPs: readonly string[];
  readonly now: number;
}

/** The whole status of a pod (upstream: generateAPIPodStatus). Conditions of others are kept as the API showed them. */
export function generatePodStatus(input: PodStatusInput): PodStatus {
  const { pod, last, histories, state, failure, hostIPs, now } = input;
  const ended = state === 'terminated' || state === 'finished';
  const ending = ended || state === 'terminating' || pod.metadata.deletionTimestamp !== undefined;
  const { initialized } = decideInitContainers(pod, histories);
  const context = { pod, waiting: input.waiting, ending, ended, initialized };
  const statuses = (kind: ContainerHistory['kind']) =>
    histories.filter((history) => history.kind === kind).map((history) => containerStatus(history, context));
  const init = statuses('init');
  const main = statuses('main').sort(byName);

  const phase = decidePhase(input, { init, main, ended });
  const time = apiTime(now);
  const podIPs = !ended && input.hasSandbox ? input.podIPs.map((ip) => ({ ip })) : (last?.podIPs ?? pod.status?.podIPs ?? []);
  const kept = phase === last?.phase ? last : undefined;
  const cause = phase === 'Failed' ? failure : undefined;
  const reason = cause?.reason ?? kept?.reason;
  const message = cause?.message ?? kept?.message;
  const readyToStart = input.readyToStart && !isTerminal(phase);
  const previous = previousConditions(pod, last);
  return {
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: podConditions({ pod, phase, init, main, readyToStart, resizeInfeasible: input.resizeInfeasible && !ended, previous, time }),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    ...(hostIPs[0] !== undefined && { hostIP: hostIPs[0], hostIPs: hostIPs.map((ip) => ({ ip })) }),
    ...(podIPs[0]?.ip !== undefined && { podIP: podIPs[0].ip, podIPs }),
    startTime: last?.startTime ?? pod.status?.startTime ?? time,
    ...(init.length > 0 && { initContainerStatuses: init }),
    containerStatuses: main,
    ...ephemeralStatuses(input),
    qosClass: pod.status?.qosClass ?? last?.qosClass ?? qosClass(pod),
  };
}

/** The status of a pod that this node refuses: no container statuses, and it never runs. */
export function rejectedPodStatus(pod: Pod, { reason, message }: PodFailure, now: number): PodStatus {
  return {
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase: 'Failed',
    ...(pod.status?.conditions && { conditions: pod.status.conditions }),
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: pod.status?.startTime ?? apiTime(now),
    qosClass: pod.status?.qosClass ?? qosClass(pod),
  };
}

/** Ephemeral containers do not run yet; each says why. */
function ephemeralStatuses({ pod, waiting }: PodStatusInput): Pick<PodStatus, 'ephemeralContainerStatuses'> {
  const containers = pod.spec.ephemeralContainers ?? [];
  if (containers.length === 0) return {};
  return {
    ephemeralContainerStatuses: containers
      .map(({ name, image = '' }) => ({
        name,
        image,
        imageID: '',
        ready: false,
        started: false,
        restartCount: 0,
        state: { waiting: waiting.get(name) ?? { reason: 'ContainerCreating' } },
      }))
      .sort(byName),
  };
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function decidePhase(
  { pod, last, histories, failure }: PodStatusInput,
  { init, main, ended }: { init: readonly ContainerStatus[]; main: readonly ContainerStatus[]; ended: boolean },
): PodPhase {
  // A terminal phase never reverts, whoever wrote it.
  if (isTerminal(pod.status?.phase)) return pod.status.phase;
  if (isTerminal(last?.phase)) return last.phase;
  const returning = new Set(ended ? [] : histories.filter(returnsWhateverThePolicy).map(({ container }) => container.name));
  const phase = podPhase({ pod, init, main, returning, ended });
  if (ended) {
    if (failure) return 'Failed';
    return isTerminal(phase) || isStaticPod(pod) ? phase : 'Failed';
  }
  // Others rely on it: no terminal phase while any container may still run.
  const mayRun = histories.some(({ latest }) => latest !== undefined && latest.phase !== 'exited');
  return isTerminal(phase) && mayRun ? 'Running' : phase;
}

/** Foreign conditions as the API has them; our own as we generated them last, since the API's may be older. */
function previousConditions(pod: Pod, last: PodStatus | undefined): PodCondition[] {
  const theirs = pod.status?.conditions ?? [];
  return [...(last?.conditions ?? theirs).filter(isOwned), ...theirs.filter((condition) => !isOwned(condition))];
}
