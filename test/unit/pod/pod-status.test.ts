import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ContainerObservation } from '../../../core/api/engine.ts';
import type { Pod, PodStatus } from '../../../core/api/kubernetes.ts';
import { containerHistories } from '../../../core/pod/actions/container-history.ts';
import type { WaitingReason } from '../../../core/pod/actions/decide-containers.ts';
import { advancePodLifecycle, podLifecycle, type PodWorkerState } from '../../../core/pod/pod-lifecycle.ts';
import { generatePodStatus, rejectedPodStatus, type PodStatusInput } from '../../../core/pod/status/generate-pod-status.ts';
import { attempt, exited, podWith, sandboxOf, start, testPod } from './support.ts';

function statusOf(pod: Pod, attempts: readonly ContainerObservation[], more: Partial<PodStatusInput> = {}): PodStatus {
  const histories = containerHistories(pod, sandboxOf(pod, ...attempts), undefined, new Set());
  return generatePodStatus({
    pod, last: undefined, histories, waiting: new Map(), state: 'syncing', readyToStart: true, resizeInfeasible: false, hasSandbox: true, hostIPs: ['10.0.0.1'], podIPs: ['10.0.0.1'], now: start + 1500, ...more,
  });
}

const always = podWith('Always', 'a', 'b');
const onFailure = podWith('OnFailure', 'a', 'b');
const never = podWith('Never', 'a', 'b');
const init = testPod('p', { restartPolicy: 'OnFailure', initContainers: [{ name: 'i', image: 'x' }], containers: [{ name: 'a', image: 'x' }] });
const initNever: Pod = { ...init, spec: { ...init.spec, restartPolicy: 'Never' } };
const ending = { state: 'terminated' } as const;

describe('the phase', () => {
  const table: readonly (readonly [string, Pod, readonly ContainerObservation[], string, Partial<PodStatusInput>?])[] = [
    ['is Pending before anything began', always, [], 'Pending'],
    ['is Pending while one main container has not begun', always, [attempt(always, 'a')], 'Pending'],
    ['is Pending while a guest is being prepared', podWith('Always', 'a'), [attempt(podWith('Always', 'a'), 'a', { phase: 'created' })], 'Pending'],
    ['is Running when all run', always, [attempt(always, 'a'), attempt(always, 'b')], 'Running'],
    ['is Running when one runs and one has ended', never, [attempt(never, 'a', exited(1)), attempt(never, 'b')], 'Running'],
    ['is Running between restarts', always, [attempt(always, 'a', exited(0)), attempt(always, 'b', exited(0))], 'Running'],
    ['is Running when a failure is to be restarted', onFailure, [attempt(onFailure, 'a', exited(0)), attempt(onFailure, 'b', exited(1))], 'Running'],
    ['is Succeeded when all exited with 0', onFailure, [attempt(onFailure, 'a', exited(0)), attempt(onFailure, 'b', exited(0))], 'Succeeded'],
    ['is Failed when one exited otherwise and is not restarted', never, [attempt(never, 'a', exited(0)), attempt(never, 'b', exited(1))], 'Failed'],
    ['is Pending while an init container runs', init, [attempt(init, 'i')], 'Pending'],
    ['is Pending between tries of an init container', init, [attempt(init, 'i', exited(1))], 'Pending'],
    ['is Failed when an init container failed for good', initNever, [attempt(initNever, 'i', exited(1))], 'Failed'],
    ['is Failed at the end of a deleted pod that ran', always, [attempt(always, 'a', exited(143)), attempt(always, 'b', exited(0))], 'Failed', ending],
    ['is Succeeded at the end of a deleted pod that had done all', always, [attempt(always, 'a', exited(0)), attempt(always, 'b', exited(0))], 'Succeeded', ending],
    ['is Failed at the end of a pod that never began', always, [], 'Failed', ending],
    ['is Failed at the end of a pod that the node ended', onFailure, [attempt(onFailure, 'a', exited(0)), attempt(onFailure, 'b', exited(0))], 'Failed', { ...ending, failure: { reason: 'DeadlineExceeded', message: 'late' } }],
    ['never reverts', always, [attempt(always, 'a'), attempt(always, 'b')], 'Succeeded', { last: { phase: 'Succeeded' } }],
    ['is not terminal while a container may still run', never, [attempt(never, 'a', exited(1)), attempt(never, 'b', { phase: 'created' })], 'Pending'],
  ];
  for (const [sentence, pod, attempts, phase, more] of table) test(sentence, () => assert.equal(statusOf(pod, attempts, more).phase, phase));

  test('is never terminal before the end while a container may run, whatever happened', () => {
    const observed = fc.record({ phase: fc.constantFrom('created', 'running', 'exited'), code: fc.nat(255), policy: fc.constantFrom('Always', 'OnFailure', 'Never'), other: fc.constantFrom('created', 'running', 'exited') });
    fc.assert(fc.property(observed, ({ phase, code, policy, other }) => {
      const pod = podWith(policy, 'a', 'b');
      const one = (name: string, state: string) => attempt(pod, name, state === 'exited' ? exited(code) : { phase: state as 'created' });
      const status = statusOf(pod, [one('a', phase), one('b', other)]);
      const mayRun = phase !== 'exited' || other !== 'exited';
      assert.ok(!mayRun || (status.phase !== 'Succeeded' && status.phase !== 'Failed'), status.phase ?? '');
    }));
  });
});

describe('a container’s status', () => {
  const container = (pod: Pod, attempts: readonly ContainerObservation[], more: Partial<PodStatusInput> = {}) => statusOf(pod, attempts, more).containerStatuses?.[0];
  const one = podWith('Always', 'a');
  const waiting = (reason: string): ReadonlyMap<string, WaitingReason> => new Map([['a', { reason, message: 'why' }]]);

  test('waits with ContainerCreating, or PodInitializing where there are init containers', () => {
    assert.deepEqual(container(one, [])?.state, { waiting: { reason: 'ContainerCreating' } });
    assert.deepEqual(container(init, [])?.state, { waiting: { reason: 'PodInitializing' } });
    assert.deepEqual(container(init, [attempt(init, 'i', exited(0))])?.state, { waiting: { reason: 'ContainerCreating' } });
  });
  test('runs, is ready and started', () => {
    const status = container(one, [attempt(one, 'a', { attempt: 2 })]);
    assert.deepEqual(status?.state, { running: { startedAt: '2026-01-01T00:00:00Z' } });
    assert.deepEqual([status?.ready, status?.started, status?.restartCount, status?.containerID], [true, true, 2, 'wasmlet://a-2']);
  });
  test('shows a wait with the end before it as the last state', () => {
    const status = container(one, [attempt(one, 'a', exited(1))], { waiting: waiting('CrashLoopBackOff') });
    assert.deepEqual(status?.state, { waiting: { reason: 'CrashLoopBackOff', message: 'why' } });
    assert.equal(status?.lastState?.terminated?.exitCode, 1);
  });
  test('shows the true end of a pod that is being deleted', () => {
    const deleted = { ...one, metadata: { ...one.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    assert.equal(container(deleted, [attempt(one, 'a', exited(1))], { waiting: waiting('CrashLoopBackOff') })?.state?.terminated?.exitCode, 1);
  });
  test('keeps the cause of a failed start while the next attempt is prepared', () => {
    const failed = attempt(one, 'a', { exit: { code: 128, reason: 'StartError', message: 'no entry point' } });
    assert.deepEqual(container(one, [failed, attempt(one, 'a', { attempt: 1, phase: 'created' })])?.state, { waiting: { reason: 'RunContainerError', message: 'no entry point' } });
  });
  test('is waiting, whatever the policy, when the node had no thread for it', () => {
    const pod = podWith('Never', 'a');
    const failed = attempt(pod, 'a', { exit: { code: 128, reason: 'StartError', message: 'no thread', errorCode: 'THREAD_START_FAILED' } });
    assert.deepEqual(container(pod, [failed])?.state, { waiting: { reason: 'RunContainerError', message: 'no thread' } });
    assert.equal(statusOf(pod, [failed]).phase, 'Running');
  });
  test('is terminated with StartError 128 when there is no next attempt', () => {
    const pod = podWith('Never', 'a');
    const failed = attempt(pod, 'a', { exit: { code: 128, reason: 'StartError', message: 'no entry point' } });
    const { exitCode, reason, message } = container(pod, [failed])?.state?.terminated ?? {};
    assert.deepEqual([exitCode, reason, message], [128, 'StartError', 'no entry point']);
  });
  test('is unknown at the end when it never began, unless init containers kept it back', () => {
    assert.equal(container(one, [], ending)?.state?.terminated?.reason, 'ContainerStatusUnknown');
    assert.equal(container(init, [], ending)?.state?.waiting?.reason, 'PodInitializing');
  });
  test('cuts a long message to its share of 12 KiB, between characters', () => {
    const message = container(always, [attempt(always, 'a', exited(1, 'é'.repeat(5000))), attempt(always, 'b', exited(1))], ending)?.state?.terminated?.message ?? '';
    assert.equal(new TextEncoder().encode(message).length, 6144);
    assert.match(message, /^é+$/);
  });
  test('lists main containers by name and init containers as the spec does', () => {
    const pod = testPod('p', { initContainers: [{ name: 'z', image: 'x' }, { name: 'y', image: 'x' }], containers: [{ name: 'c', image: 'x' }, { name: 'b', image: 'x' }] });
    const status = statusOf(pod, []);
    assert.deepEqual(status.initContainerStatuses?.map(({ name }) => name), ['z', 'y']);
    assert.deepEqual(status.containerStatuses?.map(({ name }) => name), ['b', 'c']);
  });
});

describe('conditions', () => {
  const inShort = ({ conditions = [] }: PodStatus) => conditions.map(({ type, status, reason, message }) => [type, status, reason, message].filter(Boolean).join(' '));
  const running = [attempt(always, 'a'), attempt(always, 'b')];

  test('of a pod that runs', () => {
    assert.deepEqual(inShort(statusOf(always, running)), ['PodReadyToStartContainers True', 'Initialized True', 'Ready True', 'ContainersReady True', 'PodScheduled True']);
  });
  test('of a pod that waits for init containers', () => {
    assert.deepEqual(inShort(statusOf(init, [attempt(init, 'i')])).slice(1, 4), [
      'Initialized False ContainersNotInitialized containers with incomplete status: [i]',
      'Ready False ContainersNotReady containers with unready status: [a]',
      'ContainersReady False ContainersNotReady containers with unready status: [a]',
    ]);
  });
  test('of a pod that succeeded', () => {
    const done = [attempt(onFailure, 'a', exited(0)), attempt(onFailure, 'b', exited(0))];
    assert.deepEqual(inShort(statusOf(onFailure, done)).slice(0, 4), ['PodReadyToStartContainers False', 'Initialized True PodCompleted', 'Ready False PodCompleted', 'ContainersReady False PodCompleted']);
  });
  test('of a pod that failed', () => {
    assert.deepEqual(inShort(statusOf(never, [attempt(never, 'a', exited(1)), attempt(never, 'b', exited(1))])).slice(2, 4), ['Ready False PodFailed', 'ContainersReady False PodFailed']);
  });
  test('follow readiness gates', () => {
    const gated = { ...always, spec: { ...always.spec, readinessGates: [{ conditionType: 'x.io/gate' }] } };
    assert.match(inShort(statusOf(gated, running))[2]!, /^Ready False ReadinessGatesNotReady corresponding condition of pod readiness gate "x.io\/gate" does not exist\.$/);
    const closed = { ...gated, status: { conditions: [{ type: 'x.io/gate', status: 'False' }] } };
    assert.match(inShort(statusOf(closed, running))[2]!, /is not "True", but False$/);
    const open = { ...gated, status: { conditions: [{ type: 'x.io/gate', status: 'True' }] } };
    assert.equal(inShort(statusOf(open, running))[2], 'Ready True');
  });
  test('of others are kept as they are', () => {
    const foreign = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', lastTransitionTime: '2025-01-01T00:00:00Z' };
    assert.deepEqual(statusOf({ ...always, status: { conditions: [foreign] } }, running).conditions?.at(-1), foreign);
  });
  test('keep their transition time while they do not change', () => {
    const first = statusOf(always, running);
    const later = statusOf(always, running, { last: first, now: start + 60_000 });
    assert.deepEqual(later.conditions, first.conditions);
    const ended = statusOf(always, [], { last: first, now: start + 60_000 });
    assert.equal(ended.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime, '2026-01-01T00:01:00Z');
  });
  test('carry the generation that was acted upon', () => {
    const status = statusOf({ ...always, metadata: { ...always.metadata, generation: 7 } }, running);
    assert.equal(status.observedGeneration, 7);
    assert.ok(status.conditions?.every(({ observedGeneration }) => observedGeneration === 7));
  });
});

describe('a pod’s status', () => {
  test('has addresses, start time and QoS class, and keeps them', () => {
    const first = statusOf(always, []);
    assert.deepEqual([first.hostIP, first.hostIPs, first.podIP, first.podIPs, first.startTime, first.qosClass],
      ['10.0.0.1', [{ ip: '10.0.0.1' }], '10.0.0.1', [{ ip: '10.0.0.1' }], '2026-01-01T00:00:01Z', 'BestEffort']);
    const later = statusOf(always, [], { ...ending, last: first, now: start + 60_000, hasSandbox: false });
    assert.deepEqual([later.podIP, later.startTime], ['10.0.0.1', '2026-01-01T00:00:01Z']);
  });
  test('has no podIP before there is a sandbox', () => assert.equal(statusOf(always, [], { hasSandbox: false }).podIP, undefined));
  test('of a refused pod has no containers', () => {
    const status = rejectedPodStatus(always, { reason: 'OutOfcpu', message: 'too much' }, start);
    assert.deepEqual([status.phase, status.reason, status.message, status.containerStatuses], ['Failed', 'OutOfcpu', 'Pod was rejected: too much', undefined]);
  });
});

test('a pod’s worker only goes forward, and only as its table says', () => {
  const states = Object.keys(podLifecycle) as PodWorkerState[];
  fc.assert(fc.property(fc.constantFrom(...states), fc.boolean(), fc.boolean(), fc.boolean(), (state, mustEnd, anythingRuns, gone) => {
    const next = advancePodLifecycle(state, { mustEnd, anythingRuns, gone });
    assert.ok(next === state || podLifecycle[state].includes(next));
  }));
});
