/** Krustlet's end-to-end cases in Kubernetes' words: the node, arguments, logs, init containers, private registries. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { registryUser, startRegistry } from '../cluster/registry.ts';
import { wasmlet } from '../support/wasmlet-process.ts';
import { NodeBed } from './node-bed.ts';
import { reasonToSkip } from './cluster.ts';

describe("Krustlet's cases: containers", { skip: await reasonToSkip('controllers', 'registry'), timeout: 300_000 }, () => {
  let bed: NodeBed;
  before(async () => void (bed = await NodeBed.open({ name: 'krustlet-containers' })));
  after(() => bed?.close());

  it('verifies the node', async () => {
    const { metadata, spec, status } = await bed.nodeReady();
    assert.equal(status?.nodeInfo?.architecture, 'wasm-wasi');
    assert.equal(metadata.labels?.['kubernetes.io/arch'], 'wasm32-wasi');
    for (const effect of ['NoSchedule', 'NoExecute']) {
      assert.equal(spec?.taints?.filter((taint) => taint.key === 'kubernetes.io/arch' && taint.value === 'wasm32-wasi' && taint.effect === effect).length, 1, effect);
    }
  });

  it('runs a pod of default settings to its end: Pending, Running, Succeeded', async () => {
    const phases: string[] = [];
    const watch = bed.cluster.spawnKubectl(['-n', bed.namespace, 'get', 'pods', '--watch', '-o', 'jsonpath={.metadata.name} {.status.phase}{"\\n"}']);
    watch.stdout.setEncoding('utf8').on('data', (text: string) => phases.push(...text.split('\n').filter((line) => line.startsWith('hello ')).map((line) => line.slice(6))));
    try {
      await bed.createPod('hello', { spec: { containers: [{ name: 'hello', image: bed.image('hello'), args: ['one', 'two'], env: [{ name: 'FOO', value: 'bar' }] }] } });
      const { status } = await bed.ended('hello');
      const terminated = status?.containerStatuses?.[0]?.state?.terminated;
      assert.deepEqual([terminated?.exitCode, terminated?.reason], [0, 'Completed']);
      const log = await bed.logs('hello');
      for (const line of ['hello from stdout!', 'hello from stderr!', 'FOO=bar', 'one', 'two']) assert.ok(log.split('\n').includes(line), `${line} in\n${log}`);
    } finally {
      watch.kill();
    }
    assert.deepEqual([...new Set(phases)], ['Pending', 'Running', 'Succeeded']);
  });

  it('passes arguments, with a program name as WASI has it, and without as Krustlet had it', async () => {
    const spec = { containers: [{ name: 'main', args: ['arg1', 'arg2'] }] };
    await bed.createPod('args', { spec });
    await bed.createPod('args-krustlet', { annotations: { 'wasmlet.dev/argv': 'krustlet' }, spec });
    await bed.ended('args');
    await bed.ended('args-krustlet');
    assert.match(await bed.logs('args'), /^Args are: \["[^"]+", "arg1", "arg2"\]\n$/);
    assert.equal(await bed.logs('args-krustlet'), 'Args are: ["arg1", "arg2"]\n');
  });

  it("keeps each container's log apart", async () => {
    await bed.createPod('two', { spec: { containers: [
      { name: 'floofycat', args: ['write(lit:slats)to(stm:stdout)'] },
      { name: 'neatcat', args: ['write(lit:kiki)to(stm:stderr)'] },
    ] } });
    await bed.ended('two');
    const [slats, kiki] = [await bed.logs('two', '-c', 'floofycat'), await bed.logs('two', '-c', 'neatcat')];
    assert.match(slats, /slats/);
    assert.doesNotMatch(slats, /kiki/);
    assert.match(kiki, /kiki/);
    assert.doesNotMatch(kiki, /slats/);
  });

  it('reports a module that ends with an error', async () => {
    await bed.createPod('failing', { spec: { containers: [{ name: 'main', args: ['assert_exists(file:/nope.nope)'] }] } });
    const { status } = await bed.ended('failing', 'Failed');
    const terminated = status?.containerStatuses?.[0]?.state?.terminated;
    assert.deepEqual([terminated?.exitCode, terminated?.reason], [1, 'Error']);
    assert.match(await bed.logs('failing'), /ERR: Failed with File \/nope\.nope was expected to exist but did not/);
  });

  it('runs init containers one after the other before the app', async () => {
    const host = path.join(bed.directory, 'init');
    mkdirSync(host);
    const volumeMounts = [{ name: 'shared', mountPath: '/hp' }];
    await bed.createPod('init', { spec: {
      volumes: [{ name: 'shared', hostPath: { path: host } }],
      initContainers: [
        { name: 'init-1', volumeMounts, args: ['assert_not_exists(file:/hp/floofycat.txt)', 'sleep(ms:300)', 'write(lit:slats)to(file:/hp/floofycat.txt)'] },
        { name: 'init-2', volumeMounts, args: ['assert_exists(file:/hp/floofycat.txt)', 'write(lit:kiki)to(file:/hp/neatcat.txt)'] },
      ],
      containers: [{ name: 'main', volumeMounts, args: ['read(file:/hp/floofycat.txt)to(var:fc)', 'assert_value(var:fc)is(lit:slats)', 'read(file:/hp/neatcat.txt)to(var:nc)', 'assert_value(var:nc)is(lit:kiki)'] }],
    } });
    const { status } = await bed.ended('init');
    assert.deepEqual(status?.initContainerStatuses?.map(({ name, state }) => [name, state?.terminated?.exitCode, state?.terminated?.reason]), [['init-1', 0, 'Completed'], ['init-2', 0, 'Completed']]);
    assert.deepEqual(status?.containerStatuses?.map(({ name, state }) => [name, state?.terminated?.exitCode]), [['main', 0]]);
  });

  it('fails a pod whose init container fails; nothing after it runs', async () => {
    const host = path.join(bed.directory, 'init-fails');
    mkdirSync(host);
    const volumeMounts = [{ name: 'shared', mountPath: '/hp' }];
    await bed.createPod('init-fails', { spec: {
      volumes: [{ name: 'shared', hostPath: { path: host } }],
      initContainers: [
        { name: 'init-that-fails', args: ['assert_exists(file:/nope.nope)'] },
        { name: 'init-that-would-succeed', volumeMounts, args: ['assert_not_exists(file:/hp/never)'] },
      ],
      containers: [{ name: 'main', volumeMounts, args: ['assert_not_exists(file:/hp/never)'] }],
    } });
    const { status } = await bed.ended('init-fails', 'Failed');
    assert.equal(status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode, 1);
    assert.equal(status?.initContainerStatuses?.[1]?.state?.waiting?.reason, 'PodInitializing');
    assert.equal(status?.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing');
    assert.equal(status?.conditions?.find(({ type }) => type === 'Initialized')?.status, 'False');
    assert.match(await bed.logs('init-fails', '-c', 'init-that-fails'), /ERR: Failed with File \/nope\.nope/);
  });

  it('pulls from a private registry with imagePullSecrets, and not without', async () => {
    const registry = await startRegistry(bed.cluster.description.binaries.registry!, { authentication: 'basic' });
    try {
      const credentials = path.join(bed.directory, 'docker');
      mkdirSync(credentials);
      const auth = Buffer.from(`${registryUser.username}:${registryUser.password}`).toString('base64');
      writeFileSync(path.join(credentials, 'config.json'), JSON.stringify({ auths: { [registry.address]: { auth } } }));
      const image = `${registry.address}/private/wasmerciser:1`;
      const pushed = await wasmlet(['push', 'test/fixtures/wasmerciser/wasmerciser.wasm', image], { env: { DOCKER_CONFIG: credentials } });
      assert.equal(pushed.code, 0, pushed.stderr);
      await bed.kubectl(['create', 'secret', 'docker-registry', 'registry-creds', `--docker-server=${registry.address}`, `--docker-username=${registryUser.username}`, `--docker-password=${registryUser.password}`]);
      const containers = ['floofycat', 'neatcat'].map((name) => ({ name, image, args: [`write(lit:${name})to(stm:stdout)`] }));

      await bed.createPod('private-refused', { spec: { containers } });
      const refused = await bed.podThat('private-refused', 'cannot be pulled', ({ status }) => status?.containerStatuses?.every(({ state }) => /^(ErrImagePull|ImagePullBackOff)$/.test(state?.waiting?.reason ?? '')));
      assert.equal(refused.status?.phase, 'Pending');
      await bed.kubectl(['delete', 'pod', 'private-refused']);

      await bed.createPod('private', { spec: { imagePullSecrets: [{ name: 'registry-creds' }], containers } });
      await bed.ended('private');
      for (const { name } of containers) assert.match(await bed.logs('private', '-c', name), new RegExp(name));
    } finally {
      await registry.stop();
    }
  });

  it('lets a module call a web service', { skip: 'outbound HTTP (wasi:http) is not there yet' }, () => {});
  it('gives a pod the devices of a device plugin', { skip: 'device plugins are not there yet' }, () => {});
});
