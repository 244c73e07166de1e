/** Every row of the table of failures, by real parts: what a user sees of it, and that nobody else does. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/wasmlet-process.ts';
import { startRegistryFake } from '../support/registry-fake/registry-fake.ts';
import { acquireCluster, reasonToSkip } from './cluster.ts';
import type { TestCluster } from './cluster.ts';
import type { PodWish } from './test-node.ts';
import { TestNode } from './test-node.ts';

interface Row extends PodWish {
  /** Of a state that a watch shows: `Pending waiting REASON: MESSAGE`. */
  readonly state: RegExp;
  /** `Warning Failed: MESSAGE` */
  readonly event: RegExp;
}

const always = { restartPolicy: 'Always' };
const configError = (name: string, cause: RegExp, wish: Partial<PodWish>): Row => ({
  name, image: 'sleep', state: new RegExp(`waiting CreateContainerConfigError: .*${cause.source}`), event: new RegExp(`^Warning Failed: Error: .*${cause.source}`), ...wish,
});
const pullError = (name: string, image: string, cause: RegExp, wish: Partial<PodWish> = {}): Row => ({
  name, image, state: new RegExp(`waiting ErrImagePull: .*${cause.source}`), event: new RegExp(`^Warning Failed: Failed to pull image .*${cause.source}`), ...wish,
});
const startError = (name: string, image: string, cause: RegExp, wish: Partial<PodWish> = {}): Row[] => [
  { name: `${name}-never`, image, state: new RegExp(`^Failed terminated StartError 128: .*${cause.source}`), event: new RegExp(`^Warning Failed: Error: .*${cause.source}`), ...wish },
  { name: `${name}-always`, image, state: new RegExp(`waiting RunContainerError: .*${cause.source}`), event: new RegExp(`^Warning Failed: Error: .*${cause.source}`), ...wish, spec: always },
];

const unsupported = (name: string, cause: RegExp, wish: Partial<PodWish>): Row => configError(name, cause, wish);
const volume = (source: object): Partial<PodWish> => ({ container: { volumeMounts: [{ name: 'v', mountPath: '/v' }] }, spec: { volumes: [{ name: 'v', ...source }] } });
const variable = (valueFrom: object): Partial<PodWish> => ({ container: { env: [{ name: 'A', valueFrom }] } });
const probe = { httpGet: { port: 80 } };

function rows(registry: string, gone: string, runtimeClass: string): readonly Row[] {
  const at = (repository: string): string => `${registry}/${repository}:1`;
  const withSecret = { spec: { imagePullSecrets: [{ name: 'registry' }] } };
  return [
    { name: 'unparsable', image: 'Not/A/Reference', state: /waiting InvalidImageName: .*Not\/A\/Reference/, event: /^Warning (InspectFailed|Failed): .*Not\/A\/Reference/ },
    pullError('unauthorized', at('unauthorized'), /401 Unauthorized/),
    pullError('forbidden', at('forbidden'), /403 Forbidden: DENIED: not yours/),
    pullError('missing', at('missing'), /404 Not Found: NAME_UNKNOWN/),
    pullError('broken', at('broken'), /500 Internal Server Error/),
    pullError('refused', `${gone}/x:1`, /connection refused/),
    pullError('hang', at('hang'), /sent nothing for 2 s/),
    pullError('hang-in-body', at('hang-in-body'), /sent nothing for 2 s/),
    pullError('digest', at('blob-content'), /has the content of sha256:/),
    pullError('manifest-digest', at('manifest-digest'), /should be sha256:0{64}/),
    pullError('size', at('blob-endless'), /longer than the \d+ bytes/),
    pullError('token-elsewhere', at('token-elsewhere'), /from another host without TLS, http:\/\/tokens\.example\.invalid/, withSecret),
    pullError('text', at('text'), /[Ww]asm|[Ww]ebAssembly/),
    pullError('linux', at('linux'), /linux/i),
    configError('runtime-unknown', /nonesuch/, { annotations: { 'wasmlet.dev/runtime': 'nonesuch' } }),
    configError('runtime-inactive', /wasmer/, { annotations: { 'wasmlet.dev/runtime': 'wasmer' } }),
    configError('runtime-forbidden', /node-wasi.*not allowed/, { annotations: { 'wasmlet.dev/runtime': 'node-wasi' } }),
    configError('runtime-refuses', /jco/, { annotations: { 'wasmlet.dev/runtime': 'jco' } }),
    configError('handler-unknown', /nonesuch/, { spec: { runtimeClassName: runtimeClass } }),
    configError('no-config-map', /configmap "absent" not found/, variable({ configMapKeyRef: { name: 'absent', key: 'a' } })),
    configError('no-config-map-key', /couldn't find key absent in ConfigMap .*present/, variable({ configMapKeyRef: { name: 'present', key: 'absent' } })),
    configError('no-secret', /secret "absent" not found/, variable({ secretKeyRef: { name: 'absent', key: 'a' } })),
    configError('no-secret-key', /couldn't find key absent in Secret .*registry/, variable({ secretKeyRef: { name: 'registry', key: 'absent' } })),
    unsupported('env-from', /envFrom/, { container: { envFrom: [{ configMapRef: { name: 'present' } }] } }),
    unsupported('resource-field', /resourceFieldRef/, variable({ resourceFieldRef: { containerName: 'main', resource: 'limits.cpu' } })),
    unsupported('claim', /persistentVolumeClaim/, volume({ persistentVolumeClaim: { claimName: 'c' } })),
    unsupported('csi', /csi/, volume({ csi: { driver: 'csi.example.com' } })),
    unsupported('image-volume', /type image/, volume({ image: { reference: 'example.com/i:1' } })),
    unsupported('liveness', /livenessProbe/, { container: { livenessProbe: probe } }),
    unsupported('readiness', /readinessProbe/, { container: { readinessProbe: probe } }),
    unsupported('startup', /startupProbe/, { container: { startupProbe: probe } }),
    unsupported('hook', /lifecycle/, { container: { lifecycle: { preStop: { sleep: { seconds: 1 } } } } }),
    unsupported('sidecar', /sidecar/, { spec: { initContainers: [{ name: 'side', image: at('sleep'), restartPolicy: 'Always' }] } }),
    ...startError('malformed', at('malformed'), /malformed|invalid|magic|unexpected|not a valid/i),
    ...startError('import', 'unknown-import', /not_there/),
    ...startError('entry', 'no-entry', /_start/),
    ...startError('large', 'large', /64 ?Mi|67108864|1024 pages|limit/, { container: { resources: { limits: { memory: '16Mi' } } } }),
    { name: 'trap-never', image: 'trap', state: /^Failed terminated Error 134: .*unreachable/, event: /^Normal Started: / },
    { name: 'trap-always', image: 'trap', spec: always, state: /waiting CrashLoopBackOff: back-off .* after terminated Error 134: .*unreachable/, event: /^Warning BackOff: Back-off restarting failed container main in pod/ },
    { name: 'memory-never', image: 'grow', container: { resources: { limits: { memory: '16Mi' } } }, state: /^Failed terminated OOMKilled 137/, event: /^Normal Started: / },
    { name: 'memory-always', image: 'grow', spec: always, container: { resources: { limits: { memory: '16Mi' } } }, state: /waiting CrashLoopBackOff: back-off .* after terminated OOMKilled 137/, event: /^Warning BackOff: / },
  ];
}

describe('failures of pods', { skip: await reasonToSkip('controllers'), timeout: 300_000 }, () => {
  let shared: TestCluster;
  let node: TestNode;
  let table = new Map<string, Row>();

  before(async () => {
    shared = await acquireCluster();
    node = await TestNode.join(shared.cluster, { name: 'failures', configuration: { disabledPlugins: ['runtime-wasmer'], runtimes: { order: ['wasi', 'jco'], allowed: ['wasi', 'jco', 'wasmer'] } } });
    const gone = await startRegistryFake();
    await gone.stop();
    node.addImage('malformed', Buffer.from('\0asm\x01\0\0\0\x7f broken'));
    for (const fault of ['hang-in-body', 'blob-content', 'blob-endless', 'redirect-elsewhere', 'token-elsewhere']) node.addImage(fault, Buffer.from('\0asm\x01\0\0\0'));
    const file = { mediaType: 'text/plain', bytes: Buffer.from('hello'), annotations: { 'org.opencontainers.image.title': 'hello.txt' } };
    node.registry.addImage('text', { config: { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') }, layers: [file] });
    node.registry.addImage('linux', { config: { mediaType: 'application/vnd.oci.image.config.v1+json', bytes: Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}') }, layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', bytes: Buffer.from('any') }] });
    const auths = JSON.stringify({ auths: { [node.registry.address]: { username: 'user', password: 'secret' } } });
    const core = (kind: string, name: string, more: object) => ({ apiVersion: 'v1', kind, metadata: { name }, ...more });
    await node.api.request('POST', `/api/v1/namespaces/${node.namespace}/secrets`, core('Secret', 'registry', { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': auths } }));
    await node.api.request('POST', `/api/v1/namespaces/${node.namespace}/configmaps`, core('ConfigMap', 'present', { data: { key: 'value' } }));
    await node.api.request('POST', '/apis/node.k8s.io/v1/runtimeclasses', { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: node.name }, handler: 'nonesuch' });
    await node.create({ name: 'neighbour', image: 'sleep', spec: always });
    await node.untilRunning('neighbour');
    const all = rows(node.registry.address, gone.address, node.name);
    table = new Map(all.map((row) => [row.name, row]));
    for (const row of all) await node.create(row);
  });

  after(async () => {
    if (node !== undefined) {
      await node.api.request('DELETE', `/apis/node.k8s.io/v1/runtimeclasses/${node.name}`);
      await node.close();
    }
    await shared?.release();
  });

  // The names are known before there is a registry.
  for (const name of rows('r', 'g', 'c').map((row) => row.name)) {
    it(`${name}: says so in the container's state and in an event`, async () => {
      const { state, event } = table.get(name)!;
      await node.untilSeen(name, state, 40);
      await node.untilEvent(name, event);
    });
  }

  it('backs off from pulls that failed, and names the cause still', async () => {
    await node.untilSeen('missing', /waiting ImagePullBackOff: Back-off pulling image .*404 Not Found/, 60);
    await node.untilEvent('missing', /^Normal BackOff: Back-off pulling image/);
  });

  it('pulls by a redirect to another host, which gets no credentials', async () => {
    await node.create({ name: 'redirected', image: `${node.registry.address}/redirect-elsewhere:1`, spec: { imagePullSecrets: [{ name: 'registry' }] } });
    await node.untilSeen('redirected', /StartError 128|RunContainerError/);
    assert.ok(node.registry.requests.some(({ authorization }) => authorization?.startsWith('Basic ')), 'the registry itself got them');
    assert.ok(node.registry.elsewhere.length > 0);
    assert.deepEqual(node.registry.elsewhere.filter(({ authorization }) => authorization !== undefined), []);
  });

  it('starts what waited for a configMap once that is there', async () => {
    await node.api.request('POST', `/api/v1/namespaces/${node.namespace}/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'absent' }, data: { a: 'b' } });
    await node.untilRunning('no-config-map', 150);
  });

  it('answers an ephemeral container, and the pod goes on', async () => {
    await node.create({ name: 'debugged', image: 'sleep' });
    const { metadata } = await node.untilRunning('debugged');
    const ephemeralContainers = [{ name: 'debug', image: 'example.com/i:1', terminationMessagePolicy: 'File', imagePullPolicy: 'IfNotPresent' }];
    await node.api.request('PATCH', `/api/v1/namespaces/${node.namespace}/pods/debugged/ephemeralcontainers`, { metadata: { uid: metadata.uid }, spec: { ephemeralContainers } }, 'application/strategic-merge-patch+json');
    const waiting = await eventually('the answer', async () => (await node.pod('debugged'))?.status?.ephemeralContainerStatuses?.[0]?.state?.waiting);
    assert.equal(waiting.reason, 'CreateContainerConfigError');
    assert.match(waiting.message ?? '', /ephemeral container debug is not supported/);
    await node.untilEvent('debugged', /^Warning Failed: Error: ephemeral container debug is not supported/);
    assert.ok((await node.main('debugged'))?.state?.running);
  });

  it('leaves other pods and the node alone', async () => {
    const neighbour = await node.main('neighbour');
    assert.ok(neighbour?.state?.running, JSON.stringify(neighbour));
    assert.equal(neighbour.restartCount, 0);
    await node.untilReady();
  });

  it('tells of containers that were lost with the node, and restarts by policy', async () => {
    await node.create({ name: 'lost', image: 'sleep' });
    await node.untilRunning('lost');
    await node.process.kill();
    node.start();
    await node.untilSeen('lost', /^Failed terminated ContainerStatusUnknown 137/);
    await node.untilSeen('neighbour', /running after terminated ContainerStatusUnknown 137: .* #1$/);
  });
});
