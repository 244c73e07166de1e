/** The conditions a kubelet owns (upstream: pkg/kubelet/status/generate.go). All others belong to somebody else and are kept. */
import type { ContainerStatus, Pod, PodCondition } from '../../api/kubernetes.ts';
import { infeasibleMessage } from '../resize.ts';
import type { PodPhase } from './pod-phase.ts';

const ownedConditions = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'] as const;
/** Present only while they are true. */
const passingConditions = ['PodResizePending', 'PodResizeInProgress'] as const;
type OwnedCondition = (typeof ownedConditions)[number] | (typeof passingConditions)[number];

export function isOwned({ type }: PodCondition): boolean {
  return [...ownedConditions, ...passingConditions].some((own) => own === type);
}

interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

export interface PodConditionsInput {
  readonly pod: Pod;
  readonly phase: PodPhase;
  readonly init: readonly ContainerStatus[];
  readonly main: readonly ContainerStatus[];
  /** Sandbox and volumes are there. */
  readonly readyToStart: boolean;
  readonly resizeInfeasible: boolean;
  /** The API's and our own last ones: transition times, readiness gates. */
  readonly previous: readonly PodCondition[];
  readonly time: string;
}

/** Owned conditions in upstream's order, then the foreign ones as they are. */
export function podConditions(input: PodConditionsInput): PodCondition[] {
  const containersReady = containersReadyVerdict(input);
  const verdicts: Record<(typeof ownedConditions)[number], Verdict> = {
    PodReadyToStartContainers: { status: input.readyToStart ? 'True' : 'False' },
    Initialized: initializedVerdict(input),
    Ready: readyVerdict(input, containersReady),
    ContainersReady: containersReady,
    PodScheduled: { status: 'True' },
  };
  const owned = ownedConditions.map((type) => condition(type, verdicts[type], input));
  if (input.resizeInfeasible) owned.push(condition('PodResizePending', { status: 'True', reason: 'Infeasible', message: infeasibleMessage }, input));
  return [...owned, ...input.previous.filter((foreign) => !isOwned(foreign))];
}

function condition(type: OwnedCondition, verdict: Verdict, { pod, previous, time }: PodConditionsInput): PodCondition {
  const before = previous.find((known) => known.type === type);
  const unchanged = before?.status === verdict.status && before.lastTransitionTime !== undefined;
  return {
    type,
    ...verdict,
    lastTransitionTime: unchanged ? before.lastTransitionTime! : time,
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
  };
}

function initializedVerdict({ pod, phase, init, main }: PodConditionsInput): Verdict {
  const unknown = namesWithout(pod.spec.initContainers, init);
  const incomplete = init.filter(({ ready }) => !ready).map(({ name }) => name);
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'True', reason: 'PodCompleted' };
  const mainBegan = main.some(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated);
  if (mainBegan) return { status: 'True' };
  const message = listing({ unknown, incomplete });
  return message === '' ? { status: 'True' } : { status: 'False', reason: 'ContainersNotInitialized', message };
}

function containersReadyVerdict({ pod, phase, main }: PodConditionsInput): Verdict {
  const unknown = namesWithout(pod.spec.containers, main);
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const message = listing({ unknown, unready: main.filter(({ ready }) => !ready).map(({ name }) => name) });
  return message === '' ? { status: 'True' } : { status: 'False', reason: 'ContainersNotReady', message };
}

function readyVerdict({ pod, previous }: PodConditionsInput, containersReady: Verdict): Verdict {
  if (containersReady.status === 'False') return containersReady;
  const unmet = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = previous.find(({ type }) => type === conditionType);
    if (gate === undefined) return `corresponding condition of pod readiness gate "${conditionType}" does not exist.`;
    return gate.status === 'True' ? [] : `the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`;
  });
  return unmet.length === 0 ? { status: 'True' } : { status: 'False', reason: 'ReadinessGatesNotReady', message: unmet.join(', ') };
}

function namesWithout(containers: readonly { name: string }[] | undefined, statuses: readonly ContainerStatus[]): string[] {
  return (containers ?? []).map(({ name }) => name).filter((name) => !statuses.some((status) => status.name === name));
}

/** `containers with unready status: [a b]`, as Go prints a slice. */
function listing(groups: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(groups)
    .filter(([, names]) => names.length > 0)
    .map(([word, names]) => `containers with ${word} status: [${names.join(' ')}]`)
    .join(', ');
}
