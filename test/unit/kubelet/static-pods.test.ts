import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Subscription } from 'rxjs';
import type { Pod, WatchEvent } from '../../../core/api/kubernetes.ts';
import { FilePodSource } from '../../../core/kubelet/static-pods/file-pod-source.ts';
import { podFromManifest } from '../../../core/kubelet/static-pods/pod-from-manifest.ts';
import { silentLogger } from '../../support/kubelet/kubelet-rig.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

const manifest = (name: string, image = 'hello:v1') => `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: main, image: '${image}'}]}\n`;
const origin = { path: '/manifests/a.yaml', nodeName: 'node-1', seenAt: '2026-01-01T00:00:00.000Z' };

describe('a manifest’s pod', () => {
  const given = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'i' }] } };

  test('has the node’s name at its end, the default namespace, a toleration and the annotations of its source', () => {
    const pod = podFromManifest(given, origin);
    assert.deepEqual([pod.metadata.name, pod.metadata.namespace, pod.spec.nodeName], ['web-node-1', 'default', 'node-1']);
    assert.deepEqual(pod.spec.tolerations, [{ operator: 'Exists', effect: 'NoExecute' }]);
    assert.deepEqual(pod.metadata.annotations, {
      'kubernetes.io/config.source': 'file', 'kubernetes.io/config.hash': pod.metadata.uid, 'kubernetes.io/config.seen': origin.seenAt,
    });
  });
  test('has a UID that follows content and place, not time', () => {
    const { uid } = podFromManifest(given, origin).metadata;
    assert.match(uid, /^[0-9a-f]{32}$/);
    assert.equal(podFromManifest(given, { ...origin, seenAt: 'later' }).metadata.uid, uid);
    assert.notEqual(podFromManifest(given, { ...origin, path: '/manifests/b.yaml' }).metadata.uid, uid);
    assert.notEqual(podFromManifest({ ...given, metadata: { name: 'web', labels: { app: 'x' } } }, origin).metadata.uid, uid);
  });
  test('brings no status and no deletion along', () => {
    const pod = podFromManifest({ ...given, metadata: { ...given.metadata, deletionTimestamp: 'now', uid: 'mine' }, status: { phase: 'Succeeded' } }, origin);
    assert.deepEqual([pod.status, pod.metadata.deletionTimestamp], [undefined, undefined]);
    assert.notEqual(pod.metadata.uid, 'mine');
  });
  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ['a text', 'pod', /not an object/], ['a Deployment', { apiVersion: 'apps/v1', kind: 'Deployment' }, /not apps\/v1 Deployment/], ['no name', { ...given, metadata: {} }, /metadata.name/],
    ['no containers', { ...given, spec: {} }, /containers is empty/], ['a port as a variable', { ...given, spec: { containers: [{ name: 'c', env: [{ name: 'P', value: 80 }] }] } }, /variable P/],
  ];
  for (const [what, value, message] of bad) test(`is refused: ${what}`, () => assert.throws(() => podFromManifest(value, origin), message));
});

describe('the file source', () => {
  let directory: string;
  let clock: VirtualClock;
  let events: WatchEvent<Pod>[];
  let warnings: { file: string; problem: string }[];
  let subscription: Subscription | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'wasmlet-manifests-'));
    clock = new VirtualClock();
    events = [];
    warnings = [];
  });
  afterEach(async () => {
    subscription?.unsubscribe();
    await rm(directory, { recursive: true, force: true });
  });

  const put = (name: string, content: string) => writeFile(join(directory, name), content);
  const inShort = () => events.map((event) => (event.type === 'SYNCED' ? 'SYNCED' : `${event.type} ${event.object.metadata.name}`));

  function subscribe(path = directory): Promise<void> {
    const logger = { ...silentLogger, warn: (keys: object) => void warnings.push(keys as { file: string; problem: string }) };
    subscription = new FilePodSource({ path, nodeName: 'n', clock, logger }).events$.subscribe((event) => events.push(event));
    return until(() => inShort().includes('SYNCED'));
  }

  /** Reading a directory takes real turns of the loop, as many as it takes. */
  async function until(condition: () => boolean): Promise<void> {
    for (let turn = 0; turn < 100_000 && !condition(); turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(condition(), JSON.stringify(inShort()));
  }

  async function reread(expected: readonly string[]): Promise<void> {
    events.length = 0;
    await clock.advance(20_000, async () => {});
    await until(() => inShort().length >= expected.length);
    assert.deepEqual(inShort(), expected);
  }

  test('delivers every pod of the directory by file name, then that it is complete', async () => {
    await put('b.yaml', manifest('second'));
    await put('a.json', JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'first' }, spec: { containers: [{ name: 'c' }] } }));
    await put('.hidden.yaml', manifest('hidden'));
    await mkdir(join(directory, 'inner'));
    await put('inner/c.yaml', manifest('inner'));
    await subscribe();
    assert.deepEqual(inShort(), ['ADDED first-n', 'ADDED second-n', 'SYNCED']);
  });

  test('takes a List and several documents', async () => {
    const list = { apiVersion: 'v1', kind: 'List', items: [JSON.parse(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { containers: [{ name: 'c' }] } }))] };
    await put('list.yaml', JSON.stringify(list));
    await put('more.yaml', `${manifest('y')}---\n${manifest('z')}---\n`);
    await subscribe();
    assert.deepEqual(inShort(), ['ADDED x-n', 'ADDED y-n', 'ADDED z-n', 'SYNCED']);
  });

  test('takes one file in place of a directory', async () => {
    await put('one.yaml', manifest('one'));
    await subscribe(join(directory, 'one.yaml'));
    assert.deepEqual(inShort(), ['ADDED one-n', 'SYNCED']);
  });

  test('is complete and empty without the directory, and finds it later', async () => {
    await subscribe(join(directory, 'later'));
    assert.deepEqual(inShort(), ['SYNCED']);
    assert.deepEqual(warnings.map(({ file, problem }) => [file, problem.split(';', 1)[0]]), [[join(directory, 'later'), 'there is no such file or directory']]);
    await mkdir(join(directory, 'later'));
    await put('later/a.yaml', manifest('a'));
    await reread(['ADDED a-n']);
  });

  test('replaces a changed pod and removes one whose file went', async () => {
    await put('a.yaml', manifest('a'));
    await put('b.yaml', manifest('b'));
    await subscribe();
    await put('a.yaml', manifest('a', 'hello:v2'));
    await unlink(join(directory, 'b.yaml'));
    await reread(['REMOVED a-n', 'REMOVED b-n', 'ADDED a-n']);
  });

  test('names a file that cannot be used, once, and goes on with the others', async () => {
    await put('bad.yaml', 'apiVersion: [');
    await put('big.yaml', `# ${'x'.repeat(10 * 1024 * 1024)}`);
    await put('good.yaml', manifest('good'));
    await subscribe();
    assert.deepEqual(inShort(), ['ADDED good-n', 'SYNCED']);
    assert.deepEqual(warnings.map(({ file }) => file), [join(directory, 'bad.yaml'), join(directory, 'big.yaml')]);
    await put('new.yaml', manifest('new'));
    await reread(['ADDED new-n']);
    assert.equal(warnings.length, 2);
  });

  test('keeps the pod of a file that is being written', async () => {
    await put('a.yaml', manifest('a'));
    await put('b.yaml', manifest('b'));
    await subscribe();
    await put('a.yaml', 'apiVersion: v1\nkind: P');
    await unlink(join(directory, 'b.yaml'));
    await reread(['REMOVED b-n']);
    await put('a.yaml', manifest('a'));
    await put('c.yaml', manifest('c'));
    await reread(['ADDED c-n']);
  });

  test('ends with its subscription', async () => {
    await put('a.yaml', manifest('a'));
    await subscribe();
    subscription?.unsubscribe();
    await put('b.yaml', manifest('b'));
    await clock.advance(60_000, async () => {});
    assert.deepEqual(inShort(), ['ADDED a-n', 'SYNCED']);
  });
});
