import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { humanDuration } from '../../../../core/cli/output/age.ts';
import { LiveTable } from '../../../../core/cli/output/live-table.ts';
import { summarizePod } from '../../../../core/cli/output/pod-summary.ts';
import { table } from '../../../../core/cli/output/table.ts';
import type { ContainerObservation, PodSandboxObservation } from '../../../../core/api/engine.ts';
import type { ContainerStatus, Pod } from '../../../../core/api/kubernetes.ts';

describe('humanDuration', () => {
  it('prints what kubectl prints', () => {
    const cases: readonly (readonly [seconds: number, text: string])[] = [
      [-1, '0s'], [0, '0s'], [119, '119s'], [120, '2m'], [200, '3m20s'], [600, '10m'], [3599, '59m'], [3 * 3600, '3h'], [3 * 3600 + 60, '3h1m'], [8 * 3600, '8h'], [47 * 3600, '47h'], [49 * 3600, '2d1h'], [8 * 86400, '8d'], [2 * 365 * 86400, '2y'], [(2 * 365 + 3) * 86400, '2y3d'], [9 * 365 * 86400, '9y'],
    ];
    for (const [seconds, text] of cases) assert.equal(humanDuration(seconds * 1000), text, String(seconds));
  });
});

describe('table', () => {
  it('aligns columns, leaves no blanks at the end and no control character', () => {
    assert.equal(table(['A', 'LONG'], [['x', ''], ['longer', 'a\u001b]0;title\u0007\nb']]), 'A        LONG\nx\nlonger   a\\u001b]0;title\\u0007 b\n');
  });
});

describe('a live table', () => {
  it('is drawn over itself, and cut where the terminal would wrap its lines', () => {
    const written: string[] = [];
    const terminal = { isTTY: true, columns: 8, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
    const live = new LiveTable(terminal, ['A', 'LONG'], []);
    live.show([['one', '1']], 'a long footer');
    live.show([['two', '2']], 'a long footer');
    live.show([['two', '2']], 'a long footer, changed where nobody sees it');
    assert.deepEqual(written, ['\x1b[JA     LO\none   1\na long f\n', '\x1b[3A\x1b[JA     LO\ntwo   2\na long f\n']);
  });
});

describe('summarizePod', () => {
  const status = (name: string, state: ContainerStatus['state'], ready = false): ContainerStatus => ({ name, image: '', imageID: '', ready, restartCount: 1, state });
  const pod = (phase: string, containerStatuses: ContainerStatus[], more: Partial<NonNullable<Pod['status']>> = {}): Pod => ({
    metadata: { namespace: 'd', name: 'p', uid: 'u', creationTimestamp: '1970-01-01T00:00:00Z' },
    spec: { containers: containerStatuses.map(({ name }) => ({ name })) },
    status: { phase, containerStatuses, ...more },
  });
  const cases: readonly (readonly [title: string, pod: Pod, expected: string])[] = [
    ['a running pod', pod('Running', [status('a', { running: {} }, true)]), 'Running'],
    ['a completed pod', pod('Succeeded', [status('a', { terminated: { exitCode: 0, reason: 'Completed' } })]), 'Completed'],
    ['one done, one running', pod('Running', [status('a', { terminated: { exitCode: 0, reason: 'Completed' } }), status('b', { running: {} })]), 'Running'],
    ['a trap', pod('Failed', [status('a', { terminated: { exitCode: 134, reason: 'Error' } })]), 'Error'],
    ['an exit without a reason', pod('Failed', [status('a', { terminated: { exitCode: 3 } })]), 'ExitCode:3'],
    ['an image that cannot be pulled', pod('Pending', [status('a', { waiting: { reason: 'ImagePullBackOff' } })]), 'ImagePullBackOff'],
    ['a rejected pod', pod('Failed', [], { reason: 'OutOfpods' }), 'OutOfpods'],
    ['init containers at work', pod('Pending', [status('a', { waiting: { reason: 'PodInitializing' } })], { initContainerStatuses: [status('i', { terminated: { exitCode: 0 } }), status('j', { running: {} })] }), 'Init:1/2'],
    ['an init container that crashes', pod('Pending', [], { initContainerStatuses: [status('i', { waiting: { reason: 'CrashLoopBackOff' } })] }), 'Init:CrashLoopBackOff'],
    ['init containers done', pod('Pending', [status('a', { waiting: { reason: 'ContainerCreating' } })], { initContainerStatuses: [status('i', { terminated: { exitCode: 0, reason: 'Completed' } })] }), 'ContainerCreating'],
  ];
  for (const [title, given, expected] of cases) it(`names ${title} ${expected}`, () => assert.equal(summarizePod(given, undefined, 0).status, expected));
  it('counts', () => {
    const { ready, restarts, age, runtimes } = summarizePod(pod('Running', [status('a', { running: {} }, true), status('b', { running: {} })]), undefined, 5000);
    assert.deepEqual([ready, restarts, age, runtimes], ['1/2', '2', '5s', '-']);
  });
  it("names the runtimes in the order of the pod's containers, whichever started first", () => {
    const observed = (name: string, runtime: string) => ({ name, runtime }) as ContainerObservation;
    const sandbox = { containers: [observed('b', 'jco'), observed('a', 'wasmer'), observed('a', 'wasi')] } as unknown as PodSandboxObservation;
    assert.equal(summarizePod(pod('Running', [status('a', { running: {} }), status('b', { running: {} })]), sandbox, 0).runtimes, 'wasi,jco');
  });
  it('calls a pod that has no status yet Pending', () => {
    const { status: _, ...fresh } = pod('', []);
    assert.equal(summarizePod(fresh, undefined, 0).status, 'Pending');
  });
});
