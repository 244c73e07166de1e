import type { Image, PullPolicy } from '../../api/image.ts';
import type { Pod } from '../../api/kubernetes.ts';
import { nextAttempt, willRestart, type ContainerHistory } from './container-history.ts';
import { backoffUntil, raiseBackoff, type BackoffEntry, type BackoffPolicy } from './restart-backoff.ts';
import { goDuration } from '../go-duration.ts';
import { pullPolicy } from './pull-policy.ts';
import type { ContainerKind } from './restart-policy.ts';

/** Why a container waits, as its status shows it. */
export interface WaitingReason {
  readonly reason: string;
  readonly message?: string;
}

/** What an attempt needs before it can start: its image, and the objects that its configuration names. Of the attempt that comes next. */
export type Provision = { readonly hash: string; readonly attempt: number } & (
  | { readonly kind: 'pending' }
  | { readonly kind: 'ready'; readonly image: Image }
  | {
      readonly kind: 'failed';
      readonly failure: Required<WaitingReason>;
      readonly failedAt: number;
      /** Absent: not tried again until the definition changes. */
      readonly retryAt?: number;
      /** The image is here; the failure came after it. */
      readonly image?: Image;
    }
);

/** The restart back-off of one container's definition. */
export interface ContainerBackoff {
  readonly hash: string;
  readonly entry: BackoffEntry;
}

export type ContainerDecision =
  | { readonly kind: 'kill'; readonly id: string; readonly name: string; readonly message: string }
  | { readonly kind: 'pull'; readonly name: string; readonly attempt: number; readonly hash: string; readonly image: string; readonly policy: PullPolicy }
  | {
      readonly kind: 'start';
      readonly name: string;
      readonly containerKind: ContainerKind;
      readonly attempt: number;
      readonly hash: string;
      readonly image: Image;
      /** What the back-off becomes with this start; absent at a first start. */
      readonly backoff?: ContainerBackoff;
    }
  | { readonly kind: 'wait'; readonly name: string; readonly waiting: WaitingReason; readonly wakeAt?: number; readonly backingOff: boolean };

export interface ContainerDecisionInput {
  readonly pod: Pod;
  /** Containers that cannot run as they are specified. */
  readonly problems: ReadonlyMap<string, WaitingReason>;
  /** By container name. */
  readonly provisions: ReadonlyMap<string, Provision>;
  readonly backoffs: ReadonlyMap<string, ContainerBackoff>;
  readonly backoffPolicy: BackoffPolicy;
  readonly now: number;
}

/** How long `ErrImagePull` is shown before `ImagePullBackOff` takes its place. */
export const pullErrorShownMilliseconds = 1000;

/** Decides for the containers whose turn it is: all main ones at once, or one init container. */
export function decideContainers(histories: readonly ContainerHistory[], input: ContainerDecisionInput): readonly ContainerDecision[] {
  return histories.flatMap((history) => {
    const { latest, container, hash } = history;
    if (latest === undefined || willRestart(input.pod, history)) return decideStart(history, input) ?? [];
    if (latest.phase === 'exited' || latest.hash === hash || history.replaced) return [];
    const message = `Container ${container.name} definition changed, will be restarted`;
    return { kind: 'kill', id: latest.id, name: container.name, message };
  });
}

function decideStart(history: ContainerHistory, input: ContainerDecisionInput): ContainerDecision | undefined {
  const { container: { name }, latest, hash } = history;
  const problem = input.problems.get(name);
  if (problem) return { kind: 'wait', name, waiting: problem, backingOff: false };

  const known = input.backoffs.get(name);
  const entry = known?.hash === hash ? known.entry : undefined;
  const endedAt = latest && (latest.finishedAt ?? latest.createdAt);
  const until = endedAt === undefined || latest?.portFreed ? undefined : backoffUntil(entry, endedAt);
  if (until !== undefined && entry !== undefined && input.now < until) {
    return { kind: 'wait', name, waiting: crashLoop(history, input.pod, entry), wakeAt: until, backingOff: true };
  }

  const provision = decideProvision(history, input);
  if (provision?.kind !== 'ready') return provision;
  return {
    kind: 'start',
    name,
    containerKind: history.kind,
    attempt: nextAttempt(history),
    hash,
    image: provision.image,
    ...(endedAt !== undefined && { backoff: { hash, entry: raiseBackoff(entry, endedAt, input.now, input.backoffPolicy) } }),
  };
}

/** A failed start keeps showing its cause: `CrashLoopBackOff` would hide it. */
function crashLoop(history: ContainerHistory, pod: Pod, entry: BackoffEntry): WaitingReason {
  const exit = history.latest?.exit;
  if (exit?.reason === 'StartError') return { reason: 'RunContainerError', ...(exit.message !== undefined && { message: exit.message }) };
  const { name, namespace, uid } = pod.metadata;
  const delay = goDuration(entry.delayMilliseconds);
  return {
    reason: 'CrashLoopBackOff',
    message: `back-off ${delay} restarting failed container=${history.container.name} pod=${name}_${namespace}(${uid})`,
  };
}

function decideProvision(
  history: ContainerHistory,
  { provisions, now }: ContainerDecisionInput,
): Extract<ContainerDecision, { kind: 'pull' | 'wait' }> | Extract<Provision, { kind: 'ready' }> | undefined {
  const { container, hash } = history;
  const { name, image = '' } = container;
  const attempt = nextAttempt(history);
  const pull = { kind: 'pull', name, attempt, hash, image, policy: pullPolicy(container) } as const;
  const known = provisions.get(name);
  if (known?.hash !== hash || known.attempt !== attempt) return pull;
  if (known.kind === 'ready') return known;
  if (known.kind === 'pending') return undefined;

  const { failure, failedAt, retryAt } = known;
  if (retryAt === undefined) return { kind: 'wait', name, waiting: failure, backingOff: false };
  if (now >= retryAt) return pull;
  const shownUntil = failedAt + pullErrorShownMilliseconds;
  if (failure.reason !== 'ErrImagePull') return { kind: 'wait', name, waiting: failure, wakeAt: retryAt, backingOff: false };
  if (now < shownUntil) return { kind: 'wait', name, waiting: failure, wakeAt: shownUntil, backingOff: false };
  const message = `Back-off pulling image "${image}": ${failure.reason}: ${failure.message}`;
  return { kind: 'wait', name, waiting: { reason: 'ImagePullBackOff', message }, wakeAt: retryAt, backingOff: true };
}
