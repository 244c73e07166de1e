/** What is known of each container of a pod: the engine's attempts, filled up from the status that the API had at first sight. */
import type { ContainerExit, ContainerObservation, PodSandboxObservation } from '../../api/engine.ts';
import { errorTable } from '../../api/errors.ts';
import type { Container, ContainerState, ContainerStatus, Pod, PodStatus } from '../../api/kubernetes.ts';
import { containerHash } from './container-hash.ts';
import { isRestartable, type ContainerKind } from './restart-policy.ts';

export interface ContainerHistory {
  readonly container: Container;
  readonly kind: ContainerKind;
  /** Hash of the container as the pod wants it now. */
  readonly hash: string;
  /** The newest attempt; absent: none was ever made. */
  readonly latest?: ContainerObservation;
  /** The attempt before it. */
  readonly previous?: ContainerObservation;
  /** Attempts so far that were restarts; never falls. */
  readonly restartCount: number;
  /** The newest attempt was stopped because the definition changed: it is followed by another one whatever the policy. */
  readonly replaced: boolean;
}

export const containerIdPrefix = 'wasmlet://';

/**
 * Init containers first, both in spec order. `baseline` is the API's status when this process first saw the pod: what it
 * says and the engine does not know has been lost, and counts, so that nothing finished runs twice and restartCount never falls.
 * `replaced`: ids of attempts that were stopped for a changed definition.
 */
export function containerHistories(
  pod: Pod,
  sandbox: PodSandboxObservation | undefined,
  baseline: PodStatus | undefined,
  replaced: Pick<ReadonlySet<string>, 'has'>,
): readonly ContainerHistory[] {
  const describe = (container: Container, kind: ContainerKind, statuses: readonly ContainerStatus[] | undefined): ContainerHistory => {
    const attempts = (sandbox?.containers ?? [])
      .filter((observed) => observed.name === container.name && observed.kind === kind);
    const known = statuses?.find((status) => status.name === container.name);
    const lost = known && lostAttempt(pod, known, kind);
    if (lost && !attempts.some(({ attempt }) => attempt === lost.attempt)) attempts.push(lost);
    attempts.sort((a, b) => a.attempt - b.attempt);
    const latest = attempts.at(-1);
    const previous = attempts.at(-2);
    return {
      container,
      kind,
      hash: containerHash(pod, container),
      ...(latest && { latest }),
      ...(previous && { previous }),
      restartCount: Math.max(latest?.attempt ?? 0, wholeNumber(known?.restartCount)),
      replaced: latest !== undefined && replaced.has(latest.id),
    };
  };
  return [
    ...(pod.spec.initContainers ?? []).map((container) => describe(container, 'init', baseline?.initContainerStatuses)),
    ...pod.spec.containers.map((container) => describe(container, 'main', baseline?.containerStatuses)),
  ];
}

/** The number of the attempt that would come next. */
export function nextAttempt(history: ContainerHistory): number {
  return history.latest === undefined ? history.restartCount : history.restartCount + 1;
}

/** Whether the newest attempt has ended and another one follows: by policy, because the definition changed, or because the node failed it. */
export function willRestart(pod: Pod, history: ContainerHistory): boolean {
  const exit = history.latest?.exit;
  if (history.latest?.phase !== 'exited' || exit === undefined) return false;
  return returnsWhateverThePolicy(history) || isRestartable(pod, history.container, history.kind, exit.code);
}

/** Its definition changed, or the node failed it. */
export function returnsWhateverThePolicy({ replaced, latest }: ContainerHistory): boolean {
  return replaced || (latest?.exit !== undefined && isNodesFault(latest.exit));
}

/** The node had no thread or no place for it: the pod is not to blame, and its policy has no say. */
function isNodesFault({ reason, errorCode }: ContainerExit): boolean {
  return reason === 'StartError' && errorCode !== undefined && errorTable[errorCode].retry === 'backoff';
}

function lostAttempt(pod: Pod, status: ContainerStatus, kind: ContainerKind): ContainerObservation | undefined {
  const end = endOf(status.state) ?? endOf(status.lastState);
  if (end === undefined) return undefined;
  return {
    id: (status.containerID ?? '').replace(containerIdPrefix, ''),
    podUid: pod.metadata.uid,
    name: status.name,
    kind,
    attempt: wholeNumber(status.restartCount),
    hash: '',
    image: status.image,
    imageId: status.imageID,
    runtime: '',
    isolation: 'dedicated',
    phase: 'exited',
    createdAt: end.startedAt ?? 0,
    ...end,
  };
}

function endOf(state: ContainerState | undefined): Pick<ContainerObservation, 'startedAt' | 'finishedAt' | 'exit'> | undefined {
  if (state?.terminated) {
    const { startedAt, finishedAt, exitCode, reason, message } = state.terminated;
    return {
      ...timeOf('startedAt', startedAt),
      ...timeOf('finishedAt', finishedAt),
      exit: {
        code: exitCode,
        reason: knownReasons.find((known) => known === reason) ?? (exitCode === 0 ? 'Completed' : 'Error'),
        ...(message !== undefined && { message }),
      },
    };
  }
  if (state?.running) {
    return {
      ...timeOf('startedAt', state.running.startedAt),
      exit: {
        code: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located on this node. It used to be Running',
      },
    };
  }
  return undefined;
}

const knownReasons = ['Completed', 'Error', 'OOMKilled', 'StartError', 'ContainerStatusUnknown'] as const;

function timeOf<Key extends string>(key: Key, text: string | undefined): Partial<Record<Key, number>> {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return (Number.isNaN(time) ? {} : { [key]: time }) as Partial<Record<Key, number>>;
}

function wholeNumber(value: number | undefined): number {
  return Number.isSafeInteger(value) && value !== undefined && value > 0 ? value : 0;
}
