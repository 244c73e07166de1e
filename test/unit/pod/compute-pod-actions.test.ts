import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ContainerObservation } from '../../../core/api/engine.ts';
import type { Pod } from '../../../core/api/kubernetes.ts';
import { computePodActions, type PodActions, type PodActionsInput } from '../../../core/pod/actions/compute-pod-actions.ts';
import { containerHash } from '../../../core/pod/actions/container-hash.ts';
import { containerHistories } from '../../../core/pod/actions/container-history.ts';
import type { Provision } from '../../../core/pod/actions/decide-containers.ts';
import { defaultBackoff } from '../../../core/pod/actions/restart-backoff.ts';
import { fakeImage } from '../../support/kubelet/fake-images.ts';
import { attempt, exited, podWith, sandboxOf, start, testPod } from './support.ts';

const image = fakeImage('registry.test/hello:v1');

interface Situation {
  readonly pod: Pod;
  /** Undefined: there is no sandbox. */
  readonly attempts?: readonly ContainerObservation[];
  readonly ready?: readonly string[];
  readonly replaced?: readonly string[];
  readonly more?: Partial<PodActionsInput>;
}

function decide({ pod, attempts, ready = [], replaced = [], more = {} }: Situation): PodActions {
  const sandbox = attempts && sandboxOf(pod, ...attempts);
  const histories = containerHistories(pod, sandbox, pod.status, new Set(replaced));
  const provisions = new Map<string, Provision>(
    ready.map((name) => {
      const history = histories.find(({ container }) => container.name === name)!;
      return [name, { kind: 'ready', hash: history.hash, attempt: history.latest ? history.restartCount + 1 : history.restartCount, image }];
    }),
  );
  return computePodActions({
    pod, histories, hasSandbox: sandbox !== undefined, ended: (attempts ?? []).filter(({ phase }) => phase === 'exited').map(({ id }) => id),
    problems: new Map(), provisions, backoffs: new Map(), backoffPolicy: defaultBackoff, now: start + 1000, ...more,
  });
}

/** The actions in short: `sandbox pull:a start:b#1 kill:c wait:d(Reason)`. */
function inShort({ kill, createSandbox, pull, start: starts, wait }: PodActions): string {
  return [
    ...kill.map(({ name }) => `kill:${name}`),
    ...(createSandbox ? ['sandbox'] : []),
    ...pull.map(({ name, attempt: number }) => `pull:${name}#${number}`),
    ...starts.map(({ name, attempt: number }) => `start:${name}#${number}`),
    ...wait.map(({ name, waiting }) => `wait:${name}(${waiting.reason})`),
  ].join(' ');
}

const one = podWith('Always', 'main');
const never = podWith('Never', 'main');
const withInit = testPod('p', {
  restartPolicy: 'OnFailure',
  initContainers: [{ name: 'first', image: 'i' }, { name: 'second', image: 'i' }],
  containers: [{ name: 'main', image: 'i' }],
});

const table: readonly (readonly [string, Situation, string])[] = [
  ['a new pod gets a sandbox and its image', { pod: one }, 'sandbox pull:main#0'],
  ['what is provided is started', { pod: one, attempts: [], ready: ['main'] }, 'start:main#0'],
  ['everything is good: do nothing', { pod: one, attempts: [attempt(one, 'main')] }, ''],
  ['a container that is being prepared is left alone', { pod: one, attempts: [attempt(one, 'main', { phase: 'created' })] }, ''],
  ['an exit is followed by another attempt when the policy is Always', { pod: one, attempts: [attempt(one, 'main', exited(0))] }, 'pull:main#1'],
  ['an exit is final when the policy is Never', { pod: never, attempts: [attempt(never, 'main', exited(1))] }, ''],
  ['a success is final when the policy is OnFailure', { pod: podWith('OnFailure', 'main'), attempts: [attempt(podWith('OnFailure', 'main'), 'main', exited(0))] }, ''],
  ['a failure is followed by another attempt when the policy is OnFailure', { pod: podWith('OnFailure', 'main'), attempts: [attempt(podWith('OnFailure', 'main'), 'main', exited(3))] }, 'pull:main#1'],
  ['all main containers start without waiting for one another', { pod: podWith('Always', 'a', 'b'), attempts: [], ready: ['a', 'b'] }, 'start:a#0 start:b#0'],
  ['a running container whose definition changed is killed', { pod: never, attempts: [attempt(never, 'main', { hash: 'old' })] }, 'kill:main'],
  ['a container that was killed for its definition comes back whatever the policy', { pod: never, attempts: [attempt(never, 'main', { hash: 'old', ...exited(143) })], replaced: ['main-0'] }, 'pull:main#1'],
  ['a changed definition does not raise the dead', { pod: never, attempts: [attempt(never, 'main', { hash: 'old', ...exited(0) })] }, ''],
  ['only the first init container begins', { pod: withInit, attempts: [], ready: ['first', 'second', 'main'] }, 'start:first#0'],
  ['the second init container follows the success of the first', { pod: withInit, attempts: [attempt(withInit, 'first', exited(0))], ready: ['second'] }, 'start:second#0'],
  ['nothing starts while an init container runs', { pod: withInit, attempts: [attempt(withInit, 'first')], ready: ['main'] }, ''],
  ['a failed init container is tried again', { pod: withInit, attempts: [attempt(withInit, 'first', exited(1))], ready: ['first'] }, 'start:first#1'],
  ['main containers follow the last init container', { pod: withInit, attempts: [attempt(withInit, 'first', exited(0)), attempt(withInit, 'second', exited(0))], ready: ['main'] }, 'start:main#0'],
  ['init containers do not run again once a main container has begun', { pod: withInit, attempts: [attempt(withInit, 'main', exited(1))], ready: ['main'] }, 'start:main#1'],
  ['a container with a problem waits, the others run', { pod: podWith('Always', 'a', 'b'), attempts: [], ready: ['a', 'b'], more: { problems: new Map([['a', { reason: 'CreateContainerConfigError', message: 'no' }]]) } }, 'start:b#0 wait:a(CreateContainerConfigError)'],
];

describe('computePodActions', () => {
  for (const [sentence, situation, expected] of table) {
    test(sentence, () => assert.equal(inShort(decide(situation)), expected));
  }

  test('an init container that failed for good stops the pod', () => {
    const pod = testPod('p', { restartPolicy: 'Never', initContainers: [{ name: 'first', image: 'i' }] });
    assert.equal(inShort(decide({ pod, attempts: [attempt(pod, 'first', exited(1))], ready: ['main'] })), '');
  });

  test('the first restart is at once and opens a back-off of 10 s', () => {
    const [action] = decide({ pod: one, attempts: [attempt(one, 'main', exited(1))], ready: ['main'] }).start;
    assert.deepEqual(action?.backoff, { hash: containerHash(one, one.spec.containers[0]!), entry: { delayMilliseconds: 10_000, raisedAt: start + 1000 } });
  });

  test('a second exit waits out its back-off, and the record says until when', () => {
    const backoffs = new Map([['main', { hash: containerHash(one, one.spec.containers[0]!), entry: { delayMilliseconds: 10_000, raisedAt: start } }]]);
    const actions = decide({ pod: one, attempts: [attempt(one, 'main', { attempt: 1, ...exited(1) })], more: { backoffs } });
    assert.equal(inShort(actions), 'wait:main(CrashLoopBackOff)');
    assert.equal(actions.wakeAt, start + 11_000);
    assert.equal(actions.wait[0]?.waiting.message, 'back-off 10s restarting failed container=main pod=p_default(uid-p)');
  });

  test('a port that its holder has given up is not waited for', () => {
    const backoffs = new Map([['main', { hash: containerHash(one, one.spec.containers[0]!), entry: { delayMilliseconds: 300_000, raisedAt: start } }]]);
    const failed = { exit: { code: 128, reason: 'StartError', errorCode: 'PORT_UNAVAILABLE' } } as const;
    assert.equal(inShort(decide({ pod: one, attempts: [attempt(one, 'main', failed)], more: { backoffs } })), 'wait:main(RunContainerError)');
    assert.equal(inShort(decide({ pod: one, attempts: [attempt(one, 'main', { ...failed, portFreed: true })], more: { backoffs } })), 'pull:main#1');
  });

  test('a back-off of another definition does not count', () => {
    const backoffs = new Map([['main', { hash: 'old', entry: { delayMilliseconds: 300_000, raisedAt: start } }]]);
    assert.equal(inShort(decide({ pod: one, attempts: [attempt(one, 'main', { hash: 'old', ...exited(143) })], more: { backoffs } })), 'pull:main#1');
  });

  test('attempts older than the one before the newest are forgotten', () => {
    const attempts = [0, 1, 2].map((number) => attempt(one, 'main', { attempt: number, ...exited(1) }));
    assert.deepEqual(decide({ pod: one, attempts }).forget, ['main-0']);
  });
});

describe('restartCount never falls', () => {
  const lost = (restartCount: number, state: object): Pod => ({
    ...one,
    status: { containerStatuses: [{ name: 'main', image: 'i', imageID: 'i', ready: false, restartCount, containerID: 'wasmlet://abc', state }] },
  });

  test('a running container of which the engine knows nothing is lost with 137 and its count goes on', () => {
    const pod = lost(3, { running: { startedAt: '2026-01-01T00:00:00Z' } });
    const [history] = containerHistories(pod, undefined, pod.status, new Set());
    assert.equal(history?.latest?.exit?.code, 137);
    assert.equal(history.latest.exit.reason, 'ContainerStatusUnknown');
    assert.equal(inShort(decide({ pod, attempts: [] })), 'pull:main#4');
  });

  test('a finished container of which the engine knows nothing is not run again', () => {
    const pod = lost(0, { terminated: { exitCode: 0, reason: 'Completed' } });
    assert.equal(inShort(decide({ pod: { ...pod, spec: { ...pod.spec, restartPolicy: 'Never' } } })), '');
  });

  test('the engine wins when its journal is ahead of the API', () => {
    const pod = lost(1, { running: {} });
    const [history] = containerHistories(pod, sandboxOf(pod, attempt(pod, 'main', { attempt: 2, ...exited(1) })), pod.status, new Set());
    assert.equal(history?.restartCount, 2);
    assert.equal(history.latest?.exit?.code, 1);
  });

  test('a container that only ever waited has no attempt', () => {
    const pod = lost(0, { waiting: { reason: 'ContainerCreating' } });
    assert.equal(inShort(decide({ pod })), 'sandbox pull:main#0');
  });
});
