import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, statfs, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Mount } from '../../../core/api/engine.ts';
import type { Pod } from '../../../core/api/kubernetes.ts';
import { base64, podWith, VolumeNode } from './volume-node.ts';

const tmpfs = 0x01021994;
let node: VolumeNode;

async function setUp(pod: Pod): Promise<readonly Mount[]> {
  await node.manager.setUp(pod);
  return node.manager.mounts(pod, pod.spec.containers[0]!);
}

async function content(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).filter((name) => !name.startsWith('..')).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await stat(path.join(directory, name))).isDirectory() ? 'directory' : await readFile(path.join(directory, name), 'utf8')])));
}

describe('volumes with content from the API', () => {
  beforeEach(async () => {
    node = await VolumeNode.start();
    node.configMaps.set('cfg', { data: { a: 'one', b: 'two' }, binaryData: { raw: Buffer.from([0, 255]).toString('base64') } });
    node.secrets.set('sec', { data: { password: base64('s3cret') } });
  });
  afterEach(() => node.stop());

  it('writes a configMap: text, binary, links, modes', async () => {
    const pod = podWith([{ name: 'v', configMap: { name: 'cfg', defaultMode: 0o640 } }], [{ name: 'v', mountPath: '/etc/cfg/' }]);
    const [mount] = await setUp(pod);
    const directory = node.directory('uid-1', 'configmap', 'v');
    assert.deepEqual(mount, { guestPath: '/etc/cfg', hostPath: directory, readOnly: true });
    assert.deepEqual(await content(directory), { a: 'one', b: 'two', raw: '\0\ufffd' });
    assert.equal((await stat(path.join(directory, 'a'))).mode & 0o7777, 0o640);
    assert.equal(await readlink(path.join(directory, 'a')), '..data/a');
    assert.match(await readlink(path.join(directory, '..data')), /^\.\.\d{4}(_\d\d){5}\.[0-9a-f]{10}$/);
  });

  it('takes items to their paths and modes', async () => {
    const items = [{ key: 'a', path: 'deep/er/x', mode: 0o400 }, { key: 'b', path: './y' }];
    const [mount] = await setUp(podWith([{ name: 'v', configMap: { name: 'cfg', items } }], [{ name: 'v', mountPath: '/c' }]));
    assert.equal(await readFile(path.join(mount!.hostPath, 'deep/er/x'), 'utf8'), 'one');
    assert.equal((await stat(path.join(mount!.hostPath, 'deep/er/x'))).mode & 0o7777, 0o400);
    assert.deepEqual(await content(mount!.hostPath), { deep: 'directory', y: 'two' });
  });

  it('rewrites on a change only, in one swap, and removes what is gone', async () => {
    const pod = podWith([{ name: 'v', configMap: { name: 'cfg' } }], [{ name: 'v', mountPath: '/c' }]);
    const [mount] = await setUp(pod);
    const data = () => readlink(path.join(mount!.hostPath, '..data'));
    const first = await data();
    await setUp(pod);
    assert.equal(await data(), first);
    node.configMaps.set('cfg', { data: { a: 'ONE', c: 'three' } });
    await setUp(pod);
    assert.notEqual(await data(), first);
    assert.deepEqual(await content(mount!.hostPath), { a: 'ONE', c: 'three' });
    assert.deepEqual((await readdir(mount!.hostPath)).filter((name) => name.startsWith('..')).length, 2, 'the old data directory is gone');
  });

  it('mends what a crash left half done', async () => {
    const pod = podWith([{ name: 'v', configMap: { name: 'cfg' } }], [{ name: 'v', mountPath: '/c' }]);
    const [mount] = await setUp(pod);
    await symlink('..2026_01_01_00_00_00.0000000000', path.join(mount!.hostPath, '..data_tmp'));
    await mkdir(path.join(mount!.hostPath, '..2026_01_01_00_00_00.0000000000'));
    await rm(path.join(mount!.hostPath, 'a'));
    node.configMaps.set('cfg', { data: { a: '1', b: '2' } });
    await setUp(pod);
    assert.deepEqual(await content(mount!.hostPath), { a: '1', b: '2' });
    assert.equal((await readdir(mount!.hostPath)).length, 4);
  });

  it('keeps a secret in memory, for the node only', async () => {
    const pod = podWith([{ name: 's', secret: { secretName: 'sec' } }], [{ name: 's', mountPath: '/s' }]);
    const [mount] = await setUp(pod);
    assert.deepEqual(await content(mount!.hostPath), { password: 's3cret' });
    assert.equal((await statfs(mount!.hostPath)).type, tmpfs);
    assert.equal((await stat(mount!.hostPath)).mode & 0o777, 0o700);
    assert.equal(await realpath(mount!.hostPath), mount!.hostPath, 'no link in the path of a mount');
    assert.deepEqual(await content(node.directory('uid-1', 'secret', 's')), { password: 's3cret' }, 'its directory leads there');
    await node.manager.tearDown('uid-1');
    assert.equal(existsSync(mount!.hostPath), false);
    assert.deepEqual(await node.onDisk(), []);
  });

  it('projects token, certificate and namespace as the API server asks for every pod', async () => {
    node.configMaps.set('kube-root-ca.crt', { data: { 'ca.crt': 'PEM' } });
    const sources = [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ];
    const pod = podWith([{ name: 'kube-api-access-x', projected: { defaultMode: 420, sources } }], [{ name: 'kube-api-access-x', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }]);
    const [mount] = await setUp(pod);
    assert.deepEqual(await content(mount!.hostPath), { 'ca.crt': 'PEM', namespace: 'default', token: 'token-1 undefined 3607' });
    node.token = 'token-2';
    await setUp(pod);
    assert.equal(await readFile(path.join(mount!.hostPath, 'token'), 'utf8'), 'token-2 undefined 3607');
  });

  it('writes downwardAPI fields', async () => {
    const item = (path: string, fieldPath: string) => ({ path, fieldRef: { fieldPath } });
    const items = [item('name', 'metadata.name'), item('uid', 'metadata.uid'), item('labels', 'metadata.labels'), item('app', "metadata.labels['app']"), item('none', "metadata.annotations['none']"), item('annotations', 'metadata.annotations')];
    const [mount] = await setUp(podWith([{ name: 'd', downwardAPI: { items } }], [{ name: 'd', mountPath: '/d' }]));
    assert.deepEqual(await content(mount!.hostPath), { annotations: 'note="n"', app: 'web', labels: 'app="web"\nquote="a \\"b\\"\\n"', name: 'p', none: '', uid: 'uid-1' });
  });

  it('forgives what is optional, until it appears', async () => {
    const pod = podWith([{ name: 'v', configMap: { name: 'later', optional: true } }, { name: 'k', secret: { secretName: 'sec', optional: true, items: [{ key: 'none', path: 'x' }] } }], [{ name: 'v', mountPath: '/c' }]);
    const [mount] = await setUp(pod);
    assert.deepEqual(await content(mount!.hostPath), {});
    node.configMaps.set('later', { data: { a: 'here' } });
    await setUp(pod);
    assert.deepEqual(await content(mount!.hostPath), { a: 'here' });
  });

  it('sets up many volumes of many pods at once', async () => {
    const volumes = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? { name: `v${index}`, configMap: { name: 'cfg' } } : { name: `v${index}`, secret: { secretName: 'sec' } }));
    const pods = ['a', 'b', 'c', 'd', 'e'].map((uid) => podWith(volumes, volumes.map(({ name }) => ({ name, mountPath: `/${name}` })), uid));
    const mounts = await Promise.all(pods.map(setUp));
    assert.equal(new Set(mounts.flat().map(({ hostPath }) => hostPath)).size, 250);
    for (const { hostPath, guestPath } of mounts.flat()) assert.deepEqual(Object.keys(await content(hostPath)), Number(guestPath.slice(2)) % 2 === 0 ? ['a', 'b', 'raw'] : ['password']);
    await Promise.all(pods.map(({ metadata }) => node.manager.tearDown(metadata.uid)));
    assert.deepEqual(await node.onDisk(), []);
  });

  const refusals: readonly (readonly [title: string, volume: NonNullable<Pod['spec']['volumes']>[number], code: string, text: string])[] = [
    ['a configMap that is not there', { name: 'v', configMap: { name: 'none' } }, 'VOLUME_SOURCE_NOT_FOUND', 'MountVolume.SetUp failed for volume "v" : configmap "none" not found'],
    ['a secret that is not there', { name: 'v', secret: { secretName: 'none' } }, 'VOLUME_SOURCE_NOT_FOUND', 'MountVolume.SetUp failed for volume "v" : secret "none" not found'],
    ['a key that is not there', { name: 'v', configMap: { name: 'cfg', items: [{ key: 'toString', path: 'x' }] } }, 'VOLUME_SOURCE_INVALID', 'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: toString'],
    ['a path that leads out', { name: 'v', configMap: { name: 'cfg', items: [{ key: 'a', path: 'x/../../y' }] } }, 'VOLUME_SOURCE_INVALID', 'MountVolume.SetUp failed for volume "v" : invalid path: must not contain \'..\': "x/../../y"'],
    ['two files at one path', { name: 'v', configMap: { name: 'cfg', items: [{ key: 'a', path: 'x' }, { key: 'b', path: 'x/y' }] } }, 'VOLUME_SOURCE_INVALID', 'MountVolume.SetUp failed for volume "v" : conflicting paths: "x" is both a file and a directory'],
    ['a field it does not know', { name: 'v', downwardAPI: { items: [{ path: 'x', fieldRef: { fieldPath: 'spec.nodeName' } }] } }, 'VOLUME_SOURCE_INVALID', 'MountVolume.SetUp failed for volume "v" : unsupported fieldPath: spec.nodeName'],
    ['resource fields', { name: 'v', downwardAPI: { items: [{ path: 'x', resourceFieldRef: { resource: 'limits.cpu' } }] } }, 'VOLUME_TYPE_UNSUPPORTED', 'MountVolume.SetUp failed for volume "v" : downwardAPI item "x": resourceFieldRef is not supported'],
    ['claims', { name: 'v', persistentVolumeClaim: { claimName: 'c' } }, 'VOLUME_TYPE_UNSUPPORTED', 'MountVolume.SetUp failed for volume "v" : volume type persistentVolumeClaim is not supported: no active plugin provides it'],
    ['trust bundles', { name: 'v', projected: { sources: [{ clusterTrustBundle: { name: 'b', path: 'p' } }] } }, 'VOLUME_TYPE_UNSUPPORTED', 'MountVolume.SetUp failed for volume "v" : projected volume source clusterTrustBundle is not supported'],
    ['huge pages', { name: 'v', emptyDir: { medium: 'HugePages' } }, 'VOLUME_TYPE_UNSUPPORTED', 'MountVolume.SetUp failed for volume "v" : emptyDir medium "HugePages" is not supported'],
    ['a volume without a source', { name: 'v' }, 'VOLUME_SOURCE_INVALID', 'MountVolume.SetUp failed for volume "v" : must specify a volume type'],
    ['a name that leads out', { name: '../x', emptyDir: {} }, 'VOLUME_SOURCE_INVALID', 'MountVolume.SetUp failed for volume "../x" : "../x" cannot name a directory'],
  ];
  for (const [title, volume, code, message] of refusals) {
    it(`refuses ${title}`, () => assert.rejects(node.manager.setUp(podWith([volume])), { code, message }));
  }

  it('names every volume that failed, and the terminal cause decides', () =>
    assert.rejects(node.manager.setUp(podWith([{ name: 'a', configMap: { name: 'none' } }, { name: 'b', nfs: { server: 's', path: '/' } }])), (error: Error & { code: string }) => {
      assert.equal(error.code, 'VOLUME_TYPE_UNSUPPORTED');
      assert.match(error.message, /volume "a" : configmap "none" not found; .*volume "b" : volume type nfs/);
      return true;
    }));

  it('gives up on a volume that does not answer, and lets nothing else of the pod begin meanwhile', async () => {
    let answer = () => {};
    const calls: string[] = [];
    node.extra.set('nfs', {
      type: 'nfs',
      setUp: () => new Promise((resolve) => (answer = () => resolve({ hostPath: '/' }))),
      tearDown: async () => void calls.push('tearDown'),
    });
    node.clock = { ...node.clock, after: (_, callback) => (queueMicrotask(callback), () => {}) };
    await assert.rejects(node.manager.setUp(podWith([{ name: 'v', nfs: { server: 's', path: '/' } }, { name: 'e', emptyDir: {} }])), { code: 'VOLUME_SET_UP_FAILED', message: /^Unable to attach or mount volumes: unmounted volumes=\[v.*\]: timed out/ });
    const down = node.manager.tearDown('uid-1').then(() => calls.push('down'));
    assert.deepEqual(calls, []);
    answer();
    await down;
    assert.deepEqual(calls, ['down']);
  });
});

describe('emptyDir', () => {
  before(async () => {
    node = await VolumeNode.start();
  });
  after(() => node.stop());

  it('is open to all, is kept by a second set-up, and ends with the pod', async () => {
    const pod = podWith([{ name: 'e', emptyDir: {} }], [{ name: 'e', mountPath: '/data' }, { name: 'e', mountPath: '/again', readOnly: true }]);
    const mounts = await setUp(pod);
    assert.deepEqual(mounts.map(({ readOnly }) => readOnly), [false, true]);
    assert.equal((await stat(mounts[0]!.hostPath)).mode & 0o7777, 0o777);
    await writeFile(path.join(mounts[0]!.hostPath, 'kept'), 'x');
    await setUp(pod);
    assert.deepEqual(await content(mounts[0]!.hostPath), { kept: 'x' });
    await node.manager.tearDown('uid-1');
    assert.equal(existsSync(mounts[0]!.hostPath), false);
    await node.manager.tearDown('uid-1');
  });

  it('lies in memory, bounded where the node may mount', async (context) => {
    const pod = podWith([{ name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }], [{ name: 'm', mountPath: '/m' }], 'uid-m');
    const [mount] = await setUp(pod);
    assert.equal((await statfs(mount!.hostPath)).type, tmpfs);
    assert.equal((await stat(mount!.hostPath)).mode & 0o7777, 0o777);
    const mounted = (await readFile('/proc/self/mountinfo', 'utf8')).includes(mount!.hostPath.replaceAll(' ', '\\040'));
    if (mounted) await assert.rejects(writeFile(path.join(mount!.hostPath, 'big'), Buffer.alloc(2 << 20)), { code: 'ENOSPC' });
    else context.diagnostic('may not mount: the bound is not checked');
    await setUp(pod);
    await node.restart();
    await node.manager.tearDown('uid-m');
    assert.equal(existsSync(mount!.hostPath), false);
    assert.equal((await readFile('/proc/self/mountinfo', 'utf8')).includes('uid-m'), false);
  });
});

describe('hostPath', () => {
  let host: string;
  before(async () => {
    node = await VolumeNode.start();
    host = await realpath(await mkdtemp(path.join(os.tmpdir(), 'wasmlet-host-')));
    await writeFile(path.join(host, 'file'), 'x');
    await mkdir(path.join(host, 'dir'));
    await symlink('dir', path.join(host, 'link'));
  });
  after(async () => {
    await node.stop();
    await rm(host, { recursive: true, force: true });
  });
  const ask = (name: string, type?: string) => setUp(podWith([{ name: 'h', hostPath: { path: path.join(host, name), ...(type !== undefined && { type }) } }], [{ name: 'h', mountPath: '/h' }]));

  it('checks the type', async () => {
    for (const [name, type] of [['dir', ''], ['dir', 'Directory'], ['link', 'Directory'], ['new/deep', 'DirectoryOrCreate'], ['missing', undefined]] as const) {
      assert.equal((await ask(name, type))[0]?.hostPath, await realpath(path.join(host, name)));
    }
    assert.equal((await stat(path.join(host, 'new/deep'))).mode & 0o777, 0o755);
    const fails: readonly (readonly [string, string, string])[] = [
      ['file', 'Directory', 'a directory'],
      ['none', 'Directory', 'a directory'],
      ['file', 'DirectoryOrCreate', 'a directory'],
      ['dir', 'File', 'a file'],
      ['dir', 'Socket', 'a socket'],
      ['file', 'CharDevice', 'a character device'],
      ['file', 'BlockDevice', 'a block device'],
    ];
    for (const [name, type, noun] of fails) {
      await assert.rejects(ask(name, type), { code: 'VOLUME_SET_UP_FAILED', message: `MountVolume.SetUp failed for volume "h" : hostPath type check failed: ${path.join(host, name)} is not ${noun}` });
    }
    await assert.rejects(ask('x', 'Pipe'), { code: 'VOLUME_SOURCE_INVALID', message: /Unsupported value: "Pipe"/ });
    await assert.rejects(node.manager.setUp(podWith([{ name: 'h', hostPath: { path: '/a/../b' } }])), { code: 'VOLUME_SOURCE_INVALID' });
  });

  it('that cannot be made says so, also where nothing can', async () => {
    const made = node.manager.setUp(podWith([{ name: 'h', hostPath: { path: '/proc/nothing/here', type: 'DirectoryOrCreate' } }]));
    await assert.rejects(made, { code: 'VOLUME_SET_UP_FAILED', message: /\/proc\/nothing\/here cannot be created: ENOENT/ });
  });

  it('takes files, sockets and devices', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path.join(host, 'socket'), resolve));
    const spec = (hostPath: { path: string; type: string }) => node.manager.setUp(podWith([{ name: 'h', hostPath }]));
    await spec({ path: path.join(host, 'socket'), type: 'Socket' });
    await spec({ path: '/dev/null', type: 'CharDevice' });
    await spec({ path: path.join(host, 'file'), type: 'File' });
    await spec({ path: path.join(host, 'made'), type: 'FileOrCreate' });
    await assert.rejects(ask('made', 'File'), { code: 'FIELD_UNSUPPORTED' });
    assert.equal((await stat(path.join(host, 'made'))).size, 0);
    await spec({ path: path.join(host, 'file'), type: 'FileOrCreate' });
    assert.equal(await readFile(path.join(host, 'file'), 'utf8'), 'x');
    server.close();
  });

  it('outlives the pod', async () => {
    await ask('dir', 'Directory');
    await writeFile(path.join(host, 'dir', 'precious'), 'x');
    await node.manager.tearDown('uid-1');
    assert.deepEqual(await content(path.join(host, 'dir')), { precious: 'x' });
  });

  it('is not reached through a link that a guest left in an emptyDir', async () => {
    const pod = podWith([{ name: 'e', emptyDir: {} }], [{ name: 'e', mountPath: '/e' }], 'uid-link');
    const [mount] = await setUp(pod);
    await symlink(path.join(host, 'dir'), path.join(mount!.hostPath, 'out'));
    await node.manager.tearDown('uid-link');
    assert.deepEqual(await content(path.join(host, 'dir')), { precious: 'x' });
  });
});

describe('subPath', () => {
  beforeEach(async () => {
    node = await VolumeNode.start();
  });
  afterEach(() => node.stop());
  const volumes = [{ name: 'e', emptyDir: {} }];
  const ask = async (subPath: string) => (await node.manager.mounts(podWith(volumes), { name: 'c', volumeMounts: [{ name: 'e', mountPath: '/e', subPath }] }))[0]!;

  it('makes what is missing, with the mode of the volume', async () => {
    const [whole] = await setUp(podWith(volumes, [{ name: 'e', mountPath: '/e' }]));
    assert.equal((await ask('a/./b')).hostPath, path.join(whole!.hostPath, 'a/b'));
    assert.equal((await stat(path.join(whole!.hostPath, 'a'))).isDirectory(), true);
    assert.equal((await ask('.')).hostPath, whole!.hostPath);
  });

  it('follows links inside the volume and never out of it', async () => {
    const [whole] = await setUp(podWith(volumes, [{ name: 'e', mountPath: '/e' }]));
    const at = (name: string) => path.join(whole!.hostPath, name);
    await mkdir(at('real/deep'), { recursive: true });
    await symlink('real', at('inside'));
    await symlink('/etc', at('absolute'));
    await symlink('../../../../../../../../etc', at('relative'));
    await symlink('real/../../..', at('up'));
    await symlink('loop', at('loop'));
    await writeFile(at('file'), '');
    assert.equal((await ask('inside/deep')).hostPath, at('real/deep'));
    for (const subPath of ['file', 'file/x']) await assert.rejects(ask(subPath), { code: 'FIELD_UNSUPPORTED', message: /"file" is not a directory/ });
    for (const subPath of ['absolute', 'relative', 'up/x', 'loop', '/etc', '../x', 'a/../../x', 'inside/../../x']) await assert.rejects(ask(subPath), { code: 'FIELD_INVALID' }, subPath);
    assert.equal(existsSync(path.join(path.dirname(whole!.hostPath), 'x')), false);
  });

  it('is refused in content from the API, where the next change would remove it', async () => {
    node.configMaps.set('cfg', { data: { a: 'x' } });
    const pod = podWith([{ name: 'v', configMap: { name: 'cfg' } }]);
    await setUp(pod);
    await assert.rejects(node.manager.mounts(pod, { name: 'c', volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a' }] }), { code: 'FIELD_UNSUPPORTED', message: /subPath "a" of volume "v": .* is not supported/ });
  });

  it('checks the fields of a mount', async () => {
    const pod = podWith(volumes);
    await setUp(pod);
    const ask = (...volumeMounts: NonNullable<Pod['spec']['containers'][number]['volumeMounts']>) => node.manager.mounts(pod, { name: 'c', volumeMounts });
    await assert.rejects(ask({ name: 'none', mountPath: '/x' }), { code: 'FIELD_INVALID', message: 'container "c": volumeMounts[0].name: Not found: "none"' });
    await assert.rejects(ask({ name: 'e', mountPath: '/x' }, { name: 'e', mountPath: '/x/' }), { code: 'FIELD_INVALID', message: /must be unique/ });
    await assert.rejects(ask({ name: 'e', mountPath: '/x', subPathExpr: '$(POD)' }), { code: 'FIELD_UNSUPPORTED', message: /subPathExpr is not supported/ });
    await assert.rejects(node.manager.setUp(podWith([...volumes, ...volumes])), { code: 'VOLUME_SOURCE_INVALID', message: /Duplicate value: "e"/ });
    assert.equal((await ask({ name: 'e', mountPath: 'relative' }))[0]?.guestPath, '/relative');
  });
});

describe('after a restart of the node', () => {
  it('forgets what memory held and tears down from the directory alone', async () => {
    node = await VolumeNode.start();
    try {
      node.secrets.set('sec', { data: { k: base64('v') } });
      const pod = podWith([{ name: 's', secret: { secretName: 'sec' } }, { name: 'e', emptyDir: {} }], [{ name: 's', mountPath: '/s' }], 'old');
      const [mount] = await setUp(pod);
      await node.restart();
      assert.equal(existsSync(mount!.hostPath), false, 'leftovers are removed at start');
      await assert.rejects(node.manager.mounts(pod, pod.spec.containers[0]!), { code: 'VOLUME_SET_UP_FAILED' });
      assert.deepEqual(await node.onDisk(), ['old']);
      assert.deepEqual(await content((await setUp(pod))[0]!.hostPath), { k: 'v' });
      await node.restart();
      await node.manager.tearDown('old');
      assert.deepEqual(await node.onDisk(), []);
      assert.equal(existsSync(path.join(node.pods, 'old', 'volumes')), false);
    } finally {
      await node.stop();
    }
  });
});

describe('memory without the right to mount', () => {
  const run = async () => {
    throw new Error('mount: only root can do that');
  };

  it('lies in a directory of its own in the shared memory', async (context) => {
    if ((await statfs('/dev/shm').catch(() => undefined))?.type !== tmpfs) return context.skip('/dev/shm is no tmpfs here');
    node = await VolumeNode.start({ memory: { run } });
    let base = '';
    try {
      if ((await statfs(node.root)).type === tmpfs) return context.skip('the temporary directory is in memory itself');
      node.secrets.set('sec', { data: { k: base64('v') } });
      const [mount] = await setUp(podWith([{ name: 's', secret: { secretName: 'sec' } }, { name: 'm', emptyDir: { medium: 'Memory' } }], [{ name: 's', mountPath: '/s' }]));
      base = path.dirname(mount!.hostPath);
      assert.equal(path.dirname(base), '/dev/shm');
      assert.equal((await lstat(base)).mode & 0o777, 0o700);
      await node.restart({ memory: { run } });
      assert.deepEqual(await readdir(base), []);
      await node.manager.tearDown('uid-1');
    } finally {
      await node.stop();
    }
    assert.equal(existsSync(base), false);
  });

  it('refuses a directory that somebody else put there, and a disk in place of memory', async (context) => {
    node = await VolumeNode.start({ memory: { run, fallbacks: [] } });
    try {
      if ((await statfs(node.root)).type === tmpfs) return context.skip('the temporary directory is in memory itself');
      node.secrets.set('sec', { data: { k: base64('v') } });
      const pod = podWith([{ name: 's', secret: { secretName: 'sec' } }]);
      await assert.rejects(node.manager.setUp(pod), { code: 'VOLUME_SET_UP_FAILED', message: /no memory for a volume that must not reach a disk/ });
      await node.restart({ memory: { run, fallbacks: [os.tmpdir()] } });
      await assert.rejects(node.manager.setUp(pod), { code: 'VOLUME_SET_UP_FAILED', message: /no memory for a volume/ });
    } finally {
      await node.stop();
    }
  });
});
