/** The node's edge against a real control plane: bootstrap, registration, lease, status, events, certificates. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import 'reflect-metadata';
import type { Node, Pod, PodStatus } from '../../core/api/kubernetes.ts';
import { ApiClient } from '../../core/kube/api/api-client.ts';
import { readKubeconfig } from '../../core/kube/api/kubeconfig.ts';
import { ApiEventRecorder } from '../../core/kube/events/api-event-recorder.ts';
import { bootstrapCluster } from '../../core/kube/identity/bootstrap-cluster.ts';
import { openIdentity } from '../../core/kube/identity/identity.ts';
import type { Identity } from '../../core/kube/identity/identity.ts';
import { ApiNodeClient } from '../../core/kube/node/api-node-client.ts';
import { LeaseKeeper } from '../../core/kube/node/lease-keeper.ts';
import { NodeRegistrar } from '../../core/kube/node/node-registrar.ts';
import { ApiObjectReader } from '../../core/kube/objects/api-object-reader.ts';
import { ApiPodClient } from '../../core/kube/pods/api-pod-client.ts';
import { ApiReviewClient } from '../../core/kube/reviews.ts';
import { ApiPodSource } from '../../core/kube/watch/api-pod-source.ts';
import { watchNode } from '../../core/kube/watch/watch-node.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { systemClock } from '../../core/telemetry/system-clock.ts';
import { nodeDescription } from '../support/node-description.ts';
import { acquireCluster, reasonToSkip } from './cluster.ts';
import type { TestCluster } from './cluster.ts';

const skip = await reasonToSkip('controllers');
const nodeName = `kube-${process.pid}`;
const taints = nodeDescription().taints;
const tolerations = taints.map(({ key, value, effect }) => ({ key, value, effect, operator: 'Equal' }));

describe("the node's edge and a real API server", { skip }, () => {
  let shared: TestCluster;
  let directory: string;
  let identity: Identity;
  let api: ApiClient;
  let registrar: NodeRegistrar;
  let lease: LeaseKeeper;
  let recorder: ApiEventRecorder;
  let description = nodeDescription({ name: nodeName, hostname: nodeName });
  const printed: string[] = [];

  before(async () => {
    shared = await acquireCluster();
    directory = await mkdtemp(join(tmpdir(), 'wasmlet-kube-'));
    const access = await readKubeconfig(shared.cluster.kubeconfig);
    const admin = new ApiClient({ access, clock: systemClock, logger: silentLogger, userAgent: 'wasmlet-test' });
    const output = join(directory, 'bootstrap.kubeconfig');
    const first = await bootstrapCluster({ api: admin, access, output, lifetime: 3600_000, clock: systemClock });
    const again = await bootstrapCluster({ api: admin, access, output, lifetime: 3600_000, clock: systemClock });
    admin.close();
    assert.notEqual(first.tokenId, again.tokenId);
    assert.deepEqual(again.created, [`secret/bootstrap-token-${again.tokenId}`], 'what was there is left alone');
    assert.equal((await stat(output)).mode & 0o777, 0o600);

    identity = await openIdentity({
      configuration: { nodeName, hostname: nodeName, rootDirectory: directory, kubeconfig: join(directory, 'kubeconfig'), bootstrapKubeconfig: output, serverTLSBootstrap: true, rotateCertificates: true },
      addresses: [{ type: 'InternalIP', address: '192.0.2.1' }, { type: 'Hostname', address: nodeName }],
      version: '0.1.0',
      clock: systemClock,
      logger: silentLogger,
      print: (line) => printed.push(line),
    });
    api = identity.api!;
    const client = new ApiNodeClient({ api, nodeName });
    recorder = new ApiEventRecorder({ api, nodeName, clock: systemClock, logger: silentLogger });
    registrar = new NodeRegistrar({
      client,
      events$: watchNode({ api, nodeName, clock: systemClock, random: Math.random, logger: silentLogger }),
      describe: () => description,
      recorder,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      registerNode: true,
      updateFrequency: 200,
    });
    lease = new LeaseKeeper({ client, nodeUid: () => registrar.node?.metadata.uid, clock: systemClock, logger: silentLogger });
    registrar.start();
    lease.start();
    await registrar.registered;
  });

  after(async () => {
    await registrar?.stop();
    await lease?.stop();
    await recorder?.stop(0);
    await identity?.stop();
    await shared?.cluster.kubectl(['delete', 'node', nodeName, '--ignore-not-found']);
    await shared?.release();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  const kubectl = async (...args: string[]): Promise<string> => {
    const { stdout, stderr, code } = await shared.cluster.kubectl(args);
    assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const getNode = async (): Promise<Node> => JSON.parse(await kubectl('get', 'node', nodeName, '-o', 'json')) as Node;
  const until = async <T>(what: string, found: () => Promise<T | undefined | false>): Promise<T> => {
    const end = Date.now() + 30_000;
    for (;;) {
      const result = await found();
      if (result !== undefined && result !== false) return result;
      assert.ok(Date.now() < end, `waited in vain: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const isReady = (node: Node): boolean => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

  it('has its client certificate from the bootstrap, in the kubelet\'s files', async () => {
    const pki = join(directory, 'pki');
    assert.ok((await readdir(pki)).some((file) => /^kubelet-client-\d{4}(-\d\d){5}\.pem$/.test(file)));
    const certificate = new X509Certificate(await readFile(join(pki, 'kubelet-client-current.pem')));
    assert.equal(certificate.subject, `O=system:nodes\nCN=system:node:${nodeName}`);
    assert.equal((await stat(join(directory, 'kubeconfig'))).mode & 0o777, 0o600);
    assert.ok(!(await readdir(pki)).includes('kubelet-client.key.tmp'));
  });

  it('registers, becomes Ready, and has a lease and a CSINode', async () => {
    const node = await until('Ready', async () => {
      const found = await getNode();
      return isReady(found) && found;
    });
    assert.equal(node.metadata.labels?.['kubernetes.io/os'], 'wasm32-wasi');
    assert.equal(node.status?.nodeInfo?.kubeletVersion, 'v1.37.2-wasmlet.0.1.0');
    assert.equal(node.status?.allocatable?.['pods'], '110');
    await until('a lease', async () => (await shared.cluster.kubectl(['get', 'lease', '-n', 'kube-node-lease', nodeName])).code === 0);
    await kubectl('get', 'csinode', nodeName);
  });

  it('writes two internal addresses, declared features and pressure as the API server takes them', async () => {
    description = nodeDescription({
      name: nodeName,
      hostname: nodeName,
      addresses: [{ type: 'InternalIP', address: '192.0.2.1' }, { type: 'InternalIP', address: '2001:db8::1' }, { type: 'Hostname', address: nodeName }],
      declaredFeatures: ['RestartAllContainersOnContainerExits', 'ExtendWebSocketsToKubelet'],
      runtimeHandlers: ['wasmlet-shared', 'wasmlet'],
      images: [{ names: ['a:1', 'a@sha256:1'], sizeBytes: 7 }],
      pressure: { memory: false, disk: true, pid: false },
    });
    await registrar.sync();
    const { status } = await getNode();
    assert.deepEqual(status?.addresses?.map(({ address }) => address), ['192.0.2.1', '2001:db8::1', nodeName]);
    assert.deepEqual(status?.declaredFeatures, ['ExtendWebSocketsToKubelet', 'RestartAllContainersOnContainerExits']);
    assert.deepEqual(status?.runtimeHandlers?.map(({ name }) => name), ['wasmlet', 'wasmlet-shared']);
    assert.equal(status?.conditions?.find(({ type }) => type === 'DiskPressure')?.status, 'True');
    description = nodeDescription({ name: nodeName, hostname: nodeName });
    await registrar.sync();
    const repaired = (await getNode()).status;
    assert.deepEqual(repaired?.addresses?.map(({ address }) => address), ['192.0.2.1', 'wasm-1']);
    assert.equal(repaired?.declaredFeatures, undefined);
    assert.equal(repaired?.conditions?.find(({ type }) => type === 'DiskPressure')?.status, 'False');
  });

  it('has nothing to write when nothing changed', async () => {
    // Controllers write to the node too; the heartbeat is ours.
    const heartbeat = async (): Promise<string | undefined> => (await getNode()).status?.conditions?.find(({ type }) => type === 'Ready')?.lastHeartbeatTime;
    const before = await heartbeat();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await registrar.sync();
    assert.equal(await heartbeat(), before);
  });

  it('tells events that kubectl describe shows, and counts them', async () => {
    recorder.event({ kind: 'Node', name: nodeName, uid: nodeName }, 'Warning', 'TestReason', 'twice the same');
    recorder.event({ kind: 'Node', name: nodeName, uid: nodeName }, 'Warning', 'TestReason', 'twice the same');
    const text = await until('the events', async () => {
      const described = await kubectl('describe', 'node', nodeName);
      return /TestReason.*x2|x2.*TestReason/.test(described) && described;
    });
    assert.match(text, /NodeReady/);
    assert.match(text, /Starting kubelet\./);
  });

  it('waits for an approval of its serving certificate, and takes it without a restart', async () => {
    const [, request] = await until('the request', async () => printed.map((line) => /^BOOTSTRAP: TLS certificate requires manual approval\. Run kubectl certificate approve (\S+)$/.exec(line)).find((match) => match !== null));
    assert.equal(identity.servingCertificate.current(), undefined);
    const changed = new Promise<void>((resolve) => identity.servingCertificate.onChange(resolve));
    await kubectl('certificate', 'approve', request!);
    await changed;
    const certificate = new X509Certificate(identity.servingCertificate.current()!.cert);
    assert.equal(certificate.subjectAltName, `DNS:${nodeName}, IP Address:192.0.2.1`);
    assert.equal(printed.at(-1), 'BOOTSTRAP: received TLS certificate approval: continuing');
    assert.ok(certificate.checkIssued(new X509Certificate(identity.clientCA.current()!)));
  });

  it('registers again when its object is deleted, still cordoned', async () => {
    const { uid } = (await getNode()).metadata;
    await kubectl('cordon', nodeName);
    await until('the cordon', async () => registrar.node?.spec?.unschedulable === true);
    await kubectl('delete', 'node', nodeName);
    const node = await until('another node', async () => {
      const found = await shared.cluster.kubectl(['get', 'node', nodeName, '-o', 'json']);
      const parsed = found.code === 0 ? (JSON.parse(found.stdout) as Node) : undefined;
      return parsed !== undefined && parsed.metadata.uid !== uid && isReady(parsed) && parsed;
    });
    assert.equal(node.spec?.unschedulable, true);
    await kubectl('uncordon', nodeName);
  });

  describe('a pod on it', () => {
    const namespace = `kube-${process.pid}`;
    let pod: Pod;
    let objects: ApiObjectReader;
    const seen: string[] = [];
    let stopWatching: () => void = () => undefined;

    before(async () => {
      await kubectl('create', 'namespace', namespace);
      await kubectl('create', 'configmap', 'settings', '-n', namespace, '--from-literal=key=one');
      const subscription = new ApiPodSource({ api, nodeName, clock: systemClock, random: Math.random, logger: silentLogger }).events$.subscribe((event) => {
        if (event.type === 'SYNCED') return;
        if (event.object.metadata.name === 'p' && event.type !== 'REMOVED') pod = event.object;
        seen.push(`${event.type} ${event.object.metadata.name}`);
      });
      stopWatching = () => subscription.unsubscribe();
      objects = new ApiObjectReader({ api, clock: systemClock, random: Math.random, logger: silentLogger });
      await until('the service account', async () => (await shared.cluster.kubectl(['get', 'serviceaccount', 'default', '-n', namespace])).code === 0);
      const manifest = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p', namespace },
        spec: {
          nodeName,
          tolerations,
          readinessGates: [{ conditionType: 'example.com/gate' }],
          containers: [{ name: 'main', image: 'example.com/i:1', envFrom: [{ configMapRef: { name: 'settings' } }] }],
        },
      };
      const { code, stderr } = await shared.cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
      assert.equal(code, 0, stderr);
      await until('the pod', async () => seen.includes('ADDED p'));
    });

    after(async () => {
      stopWatching();
      objects?.close();
      await shared.cluster.kubectl(['delete', 'namespace', namespace, '--wait=false']);
    });

    it('has its config map a moment after it was bound, and wakes when that changes', async () => {
      const changed = new Promise<string>((resolve) => objects.changes$.subscribe(resolve));
      objects.retain(pod);
      assert.equal((await objects.configMap(namespace, 'settings'))?.data?.['key'], 'one');
      await kubectl('patch', 'configmap', 'settings', '-n', namespace, '-p', '{"data":{"key":"two"}}');
      assert.equal(await changed, pod.metadata.uid);
      assert.equal((await objects.configMap(namespace, 'settings'))?.data?.['key'], 'two');
      objects.release(pod.metadata.uid);
    });

    it('gets a token bound to it, which the API server vouches for', async () => {
      const { token, expiresAt } = await objects.serviceAccountToken(pod, undefined, 3600);
      assert.ok(expiresAt > Date.now());
      const reviews = new ApiReviewClient({ api, clock: systemClock, logger: silentLogger });
      assert.equal((await reviews.authenticate(token))?.name, `system:serviceaccount:${namespace}:default`);
      assert.equal(await reviews.authenticate('nonsense'), undefined);
      assert.equal((await reviews.authorize({ name: 'admin', groups: ['system:masters'] }, { verb: 'get', resource: 'nodes', subresource: 'proxy', name: nodeName })).allowed, true);
      assert.equal((await reviews.authorize({ name: 'nobody', groups: [] }, { verb: 'get', resource: 'nodes', subresource: 'proxy', name: nodeName })).allowed, false);
    });

    it('knows services and runtime classes', async () => {
      assert.ok((await objects.services()).some(({ metadata }) => metadata?.name === 'kubernetes'));
      assert.equal(await objects.runtimeClass('none'), undefined);
    });

    it('has its status written beside what others wrote, and is finalized', async () => {
      const client = new ApiPodClient({ api, nodeName });
      await kubectl('patch', 'pod', 'p', '-n', namespace, '--subresource=status', '-p', '{"status":{"conditions":[{"type":"example.com/gate","status":"True"}]}}');
      const time = '2026-01-01T00:00:00Z';
      const status: PodStatus = {
        phase: 'Running',
        qosClass: 'BestEffort',
        startTime: time,
        hostIP: '192.0.2.1',
        hostIPs: [{ ip: '192.0.2.1' }],
        podIP: '192.0.2.1',
        podIPs: [{ ip: '192.0.2.1' }],
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: time, observedGeneration: 1 }],
        containerStatuses: [{ name: 'main', image: 'example.com/i:1', imageID: 'x', ready: true, started: true, restartCount: 0, state: { running: { startedAt: time } } }],
      };
      const observed = (await client.get(namespace, 'p'))!;
      const written = await client.patchStatus(observed, status);
      assert.equal(written.outcome, 'written');
      const stored = (await client.get(namespace, 'p'))!;
      assert.ok(stored.status?.conditions?.some(({ type }) => type === 'example.com/gate'));
      assert.equal((await client.patchStatus(stored, { ...status, conditions: stored.status!.conditions! })).outcome, 'unchanged');
      const moved = await client.patchStatus(stored, { ...status, podIP: '192.0.2.9', podIPs: [{ ip: '192.0.2.9' }] });
      assert.deepEqual(moved.outcome === 'written' && moved.pod.status?.podIPs, [{ ip: '192.0.2.9' }]);
      assert.equal((await client.patchStatus({ ...stored, metadata: { ...stored.metadata, uid: 'another' } }, { ...status, message: 'x' })).outcome, 'gone');
      await kubectl('delete', 'pod', 'p', '-n', namespace, '--wait=false');
      await until('the graceful deletion', async () => pod.metadata.deletionTimestamp !== undefined);
      await client.finalize(pod);
      await until('the end', async () => seen.includes('REMOVED p'));
      assert.equal(await client.get(namespace, 'p'), undefined);
    });
  });
});
