/**
 * What has to be done to bring a pod from what is observed to what its spec says: a plain record, applied by the pod's
 * worker in the order of its fields (upstream: pkg/kubelet/kuberuntime computePodActions).
 */
import { decideContainers, type ContainerDecision, type ContainerDecisionInput } from './decide-containers.ts';
import { decideInitContainers } from './decide-init-containers.ts';
import { decideSandbox } from './decide-sandbox.ts';
import type { ContainerHistory } from './container-history.ts';

type Decision<Kind extends ContainerDecision['kind']> = Omit<Extract<ContainerDecision, { kind: Kind }>, 'kind'>;
export type KillAction = Decision<'kill'>;
export type PullAction = Decision<'pull'>;
export type StartAction = Decision<'start'>;
export type WaitAction = Decision<'wait'>;

export interface PodActions {
  readonly kill: readonly KillAction[];
  readonly createSandbox: boolean;
  readonly pull: readonly PullAction[];
  readonly start: readonly StartAction[];
  /** Why containers that should run do not. */
  readonly wait: readonly WaitAction[];
  /** Ids of ended attempts that are no longer shown by any status. */
  readonly forget: readonly string[];
  /** When to decide again although nothing happened, in milliseconds since the epoch. */
  readonly wakeAt?: number;
}

export interface PodActionsInput extends ContainerDecisionInput {
  readonly histories: readonly ContainerHistory[];
  readonly hasSandbox: boolean;
  /** Ids of all attempts that the engine remembers and that have ended. */
  readonly ended: readonly string[];
}

export function computePodActions(input: PodActionsInput): PodActions {
  const { pod, histories, hasSandbox } = input;
  const init = decideInitContainers(pod, histories);
  const turn = init.initialized ? histories.filter(({ kind }) => kind === 'main') : init.current ? [init.current] : [];
  const decisions = decideContainers(turn, input);
  const wakes = of(decisions, 'wait').flatMap(({ wakeAt }) => wakeAt ?? []);
  return {
    kill: of(decisions, 'kill'),
    createSandbox: !init.failed && decideSandbox(pod, histories, hasSandbox),
    pull: of(decisions, 'pull'),
    start: of(decisions, 'start'),
    wait: of(decisions, 'wait'),
    forget: forgettable(histories, input.ended),
    ...(wakes.length > 0 && { wakeAt: Math.min(...wakes) }),
  };
}

/** True when there is nothing to do; such a record is not worth a line in the log. */
export function isIdle({ kill, createSandbox, pull, start }: PodActions): boolean {
  return !createSandbox && kill.length + pull.length + start.length === 0;
}

function of<Kind extends ContainerDecision['kind']>(decisions: readonly ContainerDecision[], kind: Kind): readonly Decision<Kind>[] {
  return decisions
    .filter((decision): decision is Extract<ContainerDecision, { kind: Kind }> => decision.kind === kind)
    .map(({ kind: _kind, ...action }) => action as unknown as Decision<Kind>);
}

/** The newest attempt and the one before it are kept: `state` and `lastState` show them, `kubectl logs --previous` reads the latter. */
function forgettable(histories: readonly ContainerHistory[], ended: readonly string[]): readonly string[] {
  const shown = new Set(histories.flatMap(({ latest, previous }) => [latest?.id, previous?.id]));
  return ended.filter((id) => !shown.has(id));
}
