import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { WasmletError } from '../../../core/api/errors.ts';
import type { ContainerConfig } from '../../../core/api/engine.ts';
import { cliComponent } from '../../support/kubelet/fake-images.ts';
import { KubeletRig, testPod } from '../../support/kubelet/kubelet-rig.ts';

let rig: KubeletRig;
beforeEach(async () => {
  rig = await KubeletRig.create();
});
afterEach(async () => {
  await rig.close();
  assert.deepEqual(rig.fatal, []);
});

const onlyConfig = (): ContainerConfig => {
  assert.equal(rig.engine.configs.size, 1);
  return [...rig.engine.configs.values()][0]!;
};
const waitingOf = (name: string) => rig.status(name).containerStatuses?.[0]?.state?.waiting;

describe('a container’s configuration', () => {
  test('has its TCP ports; what nobody will serve is told once', async () => {
    await rig.start();
    const ports = [{ name: 'web', containerPort: 80, hostPort: 8080 }, { containerPort: 53, protocol: 'UDP' }];
    await rig.apply(testPod('p', { containers: [{ name: 'main', image: 'registry.test/hello:v1', ports }] }));
    assert.deepEqual(onlyConfig().ports, [{ name: 'web', port: 80, addresses: [{ address: '0.0.0.0', port: 8080 }, { address: '10.0.0.1', port: 80 }] }]);
    await rig.advance(120_000);
    assert.deepEqual(rig.api.events.filter((event) => event.includes('PortsNotServed')), [
      'Warning PortsNotServed: only TCP ports are listened on, nothing will be received on UDP 53 of container main',
      'Warning PortsNotServed spec.containers{main}: nobody listens on port 80: guests of the runtime wasi accept no connections, modules of WASI preview 1 on the runtime wasi can',
    ]);
  });

  test('is made for a pod whose fields have no effect; that is told once', async () => {
    await rig.start();
    await rig.apply(testPod('p', { securityContext: { runAsUser: 1000 }, containers: [{ name: 'main', image: 'registry.test/hello:v1' }] }));
    onlyConfig();
    await rig.advance(120_000);
    assert.deepEqual(rig.api.events.filter((event) => event.includes('FieldsWithoutEffect')), [
      'Warning FieldsWithoutEffect: These fields have no effect on a node that runs WebAssembly: securityContext.runAsUser',
    ]);
  });

  test('is complete plain data', async () => {
    rig.images.configs.set('registry.test/hello:v1', { env: [['PATH', '/bin']], cmd: ['unused'], workingDir: '/srv' });
    rig.api.configMaps.set('default/words', { data: { greeting: 'hello' } });
    rig.api.serviceList = [{ metadata: { name: 'kubernetes', namespace: 'default' }, spec: { clusterIP: '10.96.0.1', ports: [{ port: 443 }] } }];
    await rig.start();
    await rig.apply(testPod('p', {
      containers: [{
        name: 'main', image: 'registry.test/hello:v1', args: ['$(GREETING)', '$$(X)'],
        env: [{ name: 'GREETING', valueFrom: { configMapKeyRef: { name: 'words', key: 'greeting' } } }, { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        resources: { limits: { memory: '64Mi' } },
      }],
    }, { annotations: { 'wasmlet.dev/isolation': 'shared' } }));
    const { env, hash, artifact, logPath, logLinkPrefix, ...config } = onlyConfig();
    assert.deepEqual(config, {
      podUid: 'uid-p', name: 'main', attempt: 0, kind: 'main', image: 'registry.test/hello:v1', imageId: `registry.test/hello@sha256:${'0'.repeat(64)}`,
      runtime: 'wasi', isolation: 'shared', stack: 'small', argv: ['hello.wasm', 'hello', '$(X)'], cwd: '/srv', mounts: [], resources: { descriptors: 1024, memoryBytes: 67_108_864 }, stdin: false, tty: false,
    });
    assert.match(hash, /^[0-9a-f]{16}$/);
    assert.equal(artifact.name, 'hello.wasm');
    assert.deepEqual(Object.fromEntries(env.filter(([name]) => !name.startsWith('KUBERNETES_'))), { PATH: '/bin', GREETING: 'hello', IP: '10.0.0.1' });
    assert.ok(env.some(([name, value]) => name === 'KUBERNETES_SERVICE_HOST' && value === '10.96.0.1'));
    assert.equal(logPath, join(rig.directory, 'logs', 'default_p_uid-p', 'main', '0.log'));
    assert.equal(logLinkPrefix, join(rig.directory, 'containers', 'p_default_main'));
  });

  test('follows the RuntimeClass', async () => {
    rig.api.runtimeClasses.set('quick', { handler: 'wasmlet-wasmer' });
    await rig.start();
    await rig.apply(testPod('p', { runtimeClassName: 'quick' }));
    assert.equal(onlyConfig().runtime, 'wasmer');
  });

  const failures: readonly (readonly [string, object, object, RegExp])[] = [
    ['an unknown RuntimeClass', { runtimeClassName: 'none' }, {}, /RuntimeClass "none" not found/],
    ['an unknown runtime', {}, { 'wasmlet.dev/runtime': 'none' }, /runtime "none"/],
    ['an inactive runtime', {}, { 'wasmlet.dev/runtime': 'asleep' }, /inactive/],
    ['a runtime that does not accept', {}, { 'wasmlet.dev/runtime': 'jco' }, /takes no modules/],
    ['a memory limit that is no quantity', { containers: [{ name: 'main', image: 'i:v1', resources: { limits: { memory: 'much' }, requests: { memory: '1' } } }] }, {}, /./],
  ];
  for (const [what, spec, annotations, message] of failures) {
    test(`says what is wrong: ${what}`, async () => {
      await rig.start();
      await rig.apply(testPod('p', spec, { annotations: annotations as Record<string, string> }));
      const { reason, message: text } = waitingOf('p') ?? { reason: rig.status('p').reason, message: rig.status('p').message };
      assert.ok(reason === 'CreateContainerConfigError' || reason === 'UnexpectedAdmissionError', reason ?? '');
      assert.match(text ?? '', message);
      assert.equal(rig.engine.configs.size, 0);
    });
  }

  test('is made again when an object that it names changes', async () => {
    await rig.start();
    await rig.apply(testPod('p', { containers: [{ name: 'main', image: 'i:v1', env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }] }] }));
    assert.deepEqual(waitingOf('p'), { reason: 'CreateContainerConfigError', message: 'configmap "c" not found' });
    rig.api.configMaps.set('default/c', { data: { k: 'v' } });
    rig.api.changes$.next('uid-p');
    await rig.settle();
    assert.equal(rig.status('p').phase, 'Running');
    assert.equal(rig.images.pulls.length, 1, 'the image was pulled once');
  });

  test('is tried again when the API was away', async () => {
    await rig.start();
    rig.api.up = false;
    const pod = testPod('p', { containers: [{ name: 'main', image: 'i:v1', env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }] }] });
    rig.api.configMaps.set('default/c', { data: { k: 'v' } });
    rig.api.deliver({ type: 'ADDED', object: pod });
    await rig.settle();
    assert.deepEqual(waitingOf('p'), { reason: 'CreateContainerConfigError', message: 'connect ECONNREFUSED' });
    rig.api.up = true;
    await rig.advance(10_000);
    assert.equal(rig.status('p').phase, 'Running');
  });
});

describe('volumes', () => {
  test('that cannot be set up keep the pod in ContainerCreating and are tried again', async () => {
    rig.volumes.error = new WasmletError('VOLUME_SOURCE_NOT_FOUND', 'MountVolume.SetUp failed for volume "v" : configmap "c" not found');
    await rig.start();
    await rig.apply(testPod('p', { volumes: [{ name: 'v', configMap: { name: 'c' } }] }));
    assert.deepEqual(waitingOf('p'), { reason: 'ContainerCreating' });
    assert.equal(rig.status('p').conditions?.find(({ type }) => type === 'PodReadyToStartContainers')?.status, 'False');
    assert.ok(rig.api.events.includes('Warning FailedMount: MountVolume.SetUp failed for volume "v" : configmap "c" not found'));
    rig.volumes.error = undefined;
    await rig.advance(1000);
    assert.equal(rig.status('p').phase, 'Running');
    assert.equal(rig.status('p').conditions?.find(({ type }) => type === 'PodReadyToStartContainers')?.status, 'True');
  });

  test('are brought up to date when an object or an annotation changes, and each minute', async () => {
    await rig.start();
    const volumes = [{ name: 'v', emptyDir: {} }];
    await rig.apply(testPod('p', { volumes }));
    const count = () => rig.volumes.calls.filter((call) => call === 'set up p').length;
    assert.equal(count(), 1);
    rig.api.changes$.next('uid-p');
    await rig.settle();
    assert.equal(count(), 2);
    await rig.apply(testPod('p', { volumes }, { annotations: { seen: 'yes' } }));
    assert.equal(count(), 3);
    await rig.advance(61_000);
    assert.equal(count(), 4);
  });

  test('are not looked at again where there are none', async () => {
    await rig.start();
    await rig.apply(testPod('p'));
    const calls = rig.volumes.calls.length;
    await rig.advance(600_000);
    assert.equal(rig.volumes.calls.length, calls);
  });
});

describe('pulls', () => {
  test('use the pod’s pull secrets, and tell when one is missing', async () => {
    const auths = btoa(JSON.stringify({ auths: { 'registry.test': { auth: btoa('user:pass:word') } } }));
    rig.api.secrets.set('default/good', { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': auths } });
    await rig.start();
    await rig.apply(testPod('p', { imagePullSecrets: [{ name: 'good' }, { name: 'gone' }] }));
    assert.deepEqual(rig.images.pulls[0]?.credentials, [{ registry: 'registry.test', username: 'user', password: 'pass:word' }]);
    assert.ok(rig.api.events.includes('Warning FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.'));
  });

  test('ask the registry at every start with policy Always', async () => {
    await rig.start();
    await rig.apply(testPod('p', { containers: [{ name: 'main', image: 'i:v1', imagePullPolicy: 'Always' }] }));
    await rig.exit('p', 'main', 0);
    assert.equal(rig.images.pulls.length, 2);
  });

  test('never happen with policy Never', async () => {
    await rig.start();
    await rig.apply(testPod('p', { containers: [{ name: 'main', image: 'i:v1', imagePullPolicy: 'Never' }] }));
    assert.deepEqual(waitingOf('p'), { reason: 'ErrImageNeverPull', message: 'Container image "i:v1" is not present with pull policy of Never' });
    assert.equal(rig.images.pulls.length, 0);
  });

  test('of a name that cannot be parsed are not tried again', async () => {
    rig.images.failures.set('Not An Image', new WasmletError('IMAGE_NAME_INVALID', 'invalid reference format'));
    await rig.start();
    await rig.apply(testPod('p', { containers: [{ name: 'main', image: 'Not An Image' }] }));
    assert.equal(waitingOf('p')?.reason, 'InvalidImageName');
    await rig.advance(600_000);
    assert.equal(rig.images.pulls.length, 1);
    assert.equal(waitingOf('p')?.reason, 'InvalidImageName');
  });

  test('of a component choose its runtime', async () => {
    rig.images.inspections.set('registry.test/hello:v1', cliComponent);
    await rig.start();
    await rig.apply(testPod('p'));
    assert.equal(onlyConfig().runtime, 'jco');
  });
});

describe('an engine that fails', () => {
  test('to create a container is asked again, and the cause is shown', async () => {
    rig.engine.createError = new WasmletError('NODE_FULL', 'no thread is free');
    await rig.start();
    await rig.apply(testPod('p'));
    assert.deepEqual(waitingOf('p'), { reason: 'RunContainerError', message: 'no thread is free' });
    rig.engine.createError = undefined;
    await rig.advance(10_000);
    assert.equal(rig.status('p').phase, 'Running');
    assert.equal(rig.status('p').containerStatuses?.[0]?.restartCount, 0);
  });
});

describe('the start of a node', () => {
  test('leaves pods alone that are over in the API, and does not count them', async () => {
    const status = { phase: 'Failed', reason: 'NodeAffinity', message: 'Pod was rejected: x', startTime: '2025-01-01T00:00:00Z' };
    rig.api.apply({ ...testPod('old', { containers: [{ name: 'main', image: 'i', resources: { requests: { cpu: '2' } } }] }), status });
    rig.api.apply(testPod('new', { containers: [{ name: 'main', image: 'i', resources: { requests: { cpu: '2' } } }] }));
    await rig.start();
    assert.deepEqual(rig.api.pod('old')?.status, status);
    assert.equal(rig.status('new').phase, 'Running');
    assert.equal(rig.engine.configs.size, 1);
  });

  test('takes pods in order of creation', async () => {
    const asking = (name: string, creationTimestamp: string) => testPod(name, { containers: [{ name: 'main', image: 'i', resources: { requests: { cpu: '2' } } }] }, { creationTimestamp });
    rig.api.apply(asking('younger', '2026-01-01T00:00:02Z'));
    rig.api.apply(asking('older', '2026-01-01T00:00:01Z'));
    await rig.start();
    assert.deepEqual([rig.status('older').phase, rig.status('younger').reason], ['Running', 'OutOfcpu']);
  });

  test('never lets restartCount fall when the journal is gone', async () => {
    const containerStatuses = [{ name: 'main', image: 'i', imageID: 'i@sha256:1', ready: true, restartCount: 4, containerID: 'wasmlet://abc', state: { running: { startedAt: '2025-12-31T23:00:00Z' } } }];
    rig.api.apply({ ...testPod('p'), status: { phase: 'Running', containerStatuses } });
    await rig.start();
    const [status] = rig.status('p').containerStatuses ?? [];
    assert.deepEqual([status?.restartCount, status?.lastState?.terminated?.reason, status?.lastState?.terminated?.exitCode], [5, 'ContainerStatusUnknown', 137]);
  });

  test('ends and removes pods that nobody wants, once every source has been heard', async () => {
    rig.engine.remember({ uid: 'orphan', name: 'lost', namespace: 'default', directory: '' }, [{ phase: 'running' }]);
    await mkdir(join(rig.directory, 'pods', 'only-a-directory', 'volumes'), { recursive: true });
    await mkdir(join(rig.directory, 'logs', 'default_lost_orphan'), { recursive: true });
    await mkdir(join(rig.directory, 'logs', 'default_foreign_x'), { recursive: true });
    await writeFile(join(rig.directory, 'pods', 'only-a-directory', 'file'), 'x');
    rig.kubelet.start();
    await rig.settle();
    assert.equal(rig.engine.listPodSandboxes().length, 1, 'not before the source has delivered its list');
    rig.api.sync();
    for (let turn = 0; turn < 20_000 && rig.volumes.calls.length < 2; turn += 1) await rig.settle();
    for (let turn = 0; turn < 20_000 && (await readdir(join(rig.directory, 'pods'))).length > 0; turn += 1) await rig.settle();
    assert.deepEqual(rig.engine.listPodSandboxes(), []);
    assert.deepEqual(await readdir(join(rig.directory, 'pods')), []);
    assert.deepEqual(await readdir(join(rig.directory, 'logs')), ['default_foreign_x']);
  });
});

describe('a pod without room', () => {
  test('fails only when the scheduler can know of what is left: a controller makes another at once', async () => {
    const [asked, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await rig.start({
      offer: {
        changed: () => assert.fail('it takes no place'),
        told: () => {
          asked.resolve();
          return told.promise;
        },
      },
    });
    rig.room = 2;
    rig.api.apply(testPod('p', { containers: ['a', 'b', 'c'].map((name) => ({ name, image: 'registry.test/hello:v1' })) }));
    await asked.promise;
    assert.deepEqual(rig.api.statuses, []);
    told.resolve();
    await rig.settle();
    assert.deepEqual(rig.api.statuses.map(({ phase, reason }) => [phase, reason]), [['Failed', 'OutOfpods']]);
  });
});

describe('the stop of a node', () => {
  test('ends every guest, reports it, and writes no terminal phase that the policy does not give', async () => {
    await rig.start();
    await rig.apply(testPod('stays', { restartPolicy: 'Always' }));
    await rig.apply(testPod('ends', { restartPolicy: 'Never' }));
    await rig.kubelet.stop(1000);
    await rig.settle();
    const end = (name: string) => [rig.api.pod(name)?.status?.phase, rig.api.pod(name)?.status?.containerStatuses?.[0]?.state?.terminated?.exitCode];
    assert.deepEqual(end('stays'), ['Running', 143]);
    assert.deepEqual(end('ends'), ['Failed', 143]);
    assert.equal(rig.engine.configs.size, 2, 'nothing was started again');
  });
});

describe('pods from outside', () => {
  test('that are malformed are left out, and the others go on', async () => {
    await rig.start();
    for (const object of [undefined, null, 'pod', {}, { metadata: { uid: '../..', name: 'a', namespace: 'b' } }]) {
      for (const type of ['ADDED', 'MODIFIED', 'REMOVED']) rig.api.deliver({ type, object });
    }
    await rig.apply(testPod('good'));
    assert.equal(rig.status('good').phase, 'Running');
  });

  test('that are odd never hurt the spine', async () => {
    await rig.start();
    const names = ['volumes', 'tolerations', 'affinity', 'nodeSelector', 'initContainers', 'securityContext', 'activeDeadlineSeconds', 'readinessGates', 'overhead', 'imagePullSecrets', 'restartPolicy'] as const;
    const odd = fc.record(Object.fromEntries(names.map((name) => [name, fc.anything()])), { requiredKeys: [] });
    let count = 0;
    await fc.assert(fc.asyncProperty(odd, async (spec) => {
      count += 1;
      rig.api.deliver({ type: 'ADDED', object: { ...testPod(`odd-${count}`), spec: { ...testPod('x').spec, ...spec } } });
      await rig.settle();
      rig.api.deliver({ type: 'REMOVED', object: testPod(`odd-${count}`) });
      await rig.settle();
      assert.deepEqual(rig.fatal, []);
    }), { numRuns: 60 });
    await rig.apply(testPod('good'));
    assert.equal(rig.status('good').phase, 'Running');
  });
});

describe('a resize of a running pod', () => {
  const sized = (memory: string, generation: number) => testPod('p', { containers: [{ name: 'main', image: 'registry.test/hello:v1', resources: { limits: { memory }, requests: { memory } } }] }, { generation });
  const pending = () => rig.status('p').conditions?.find(({ type }) => type === 'PodResizePending');

  test('is answered Infeasible, touches nothing, and is over when the spec is back', async () => {
    await rig.start();
    await rig.apply(sized('64Mi', 1));
    assert.equal(pending(), undefined);

    await rig.apply(sized('128Mi', 2));
    assert.deepEqual([pending()?.status, pending()?.reason], ['True', 'Infeasible']);
    const [status] = rig.status('p').containerStatuses ?? [];
    assert.deepEqual([status?.restartCount, status?.allocatedResources, status?.resources?.limits], [0, { memory: '64Mi' }, { memory: '64Mi' }]);
    assert.equal(onlyConfig().resources.memoryBytes, 64 * 2 ** 20);

    await rig.apply(sized('64Mi', 3));
    assert.equal(pending(), undefined);
    assert.equal(rig.engine.configs.size, 1);
    assert.deepEqual(rig.api.events.filter((line) => line.includes('ResizeInfeasible')).length, 1);
  });
});
