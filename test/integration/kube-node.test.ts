import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Node } from '../../core/api/kubernetes.ts';
import { ApiClient } from '../../core/kube/api/api-client.ts';
import { readKubeconfig } from '../../core/kube/api/kubeconfig.ts';
import { resourcePath } from '../../core/kube/api/resources.ts';
import { ApiEventRecorder } from '../../core/kube/events/api-event-recorder.ts';
import { ApiNodeClient } from '../../core/kube/node/api-node-client.ts';
import { LeaseKeeper } from '../../core/kube/node/lease-keeper.ts';
import { NodeRegistrar } from '../../core/kube/node/node-registrar.ts';
import { apiSource } from '../../core/kube/watch/api-source.ts';
import { listWatch } from '../../core/kube/watch/list-watch.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { systemClock } from '../../core/telemetry/system-clock.ts';
import { StatusError, startApiFake } from '../support/api-fake/api-fake.ts';
import type { ApiFake } from '../support/api-fake/api-fake.ts';
import { nodeDescription } from '../support/node-description.ts';

const name = 'wasm-1';

describe('the node object against the API fake', () => {
  let fake: ApiFake;
  let api: ApiClient;
  let registrar: NodeRegistrar;
  let lease: LeaseKeeper;
  let recorder: ApiEventRecorder;
  let description = nodeDescription({ name });
  let descriptions = 0;
  const warnings: string[] = [];

  beforeEach(async () => {
    fake = await startApiFake({ nodeName: name });
    description = nodeDescription({ name });
    warnings.length = 0;
    const logger = { ...silentLogger, warn: (keys: object, message: string) => void warnings.push(`${message} ${JSON.stringify(keys)}`) };
    api = new ApiClient({ access: await readKubeconfig(fake.kubeconfigPath), clock: systemClock, logger, userAgent: 'test' });
    const client = new ApiNodeClient({ api, nodeName: name });
    recorder = new ApiEventRecorder({ api, nodeName: name, clock: systemClock, logger });
    const events$ = listWatch<Node>({ source: apiSource(api, resourcePath('nodes'), { fieldSelector: `metadata.name=${name}` }), clock: systemClock, random: Math.random });
    const describe = () => {
      descriptions += 1;
      return description;
    };
    registrar = new NodeRegistrar({ client, events$, describe, recorder, clock: systemClock, random: Math.random, logger, registerNode: true, updateFrequency: 50 });
    lease = new LeaseKeeper({ client, nodeUid: () => registrar.node?.metadata.uid, clock: systemClock, logger });
  });

  afterEach(async () => {
    await registrar.stop();
    await lease.stop();
    await recorder.stop(0);
    api.close();
    await fake.stop();
  });

  const stored = () => fake.objects.get('nodes', undefined, name);
  const condition = (type: string) => stored()?.['status']?.conditions?.find((candidate: { type: string }) => candidate.type === type);
  const untilReady = () => fake.until('Ready', () => condition('Ready')?.status === 'True');
  const reasons = () => fake.objects.list('events').map((event) => event['reason'] as string);

  it('registers, becomes Ready once its CSINode exists, and tells so in events', async () => {
    registrar.start();
    await untilReady();
    const node = stored()!;
    assert.equal(node.metadata.labels!['kubernetes.io/arch'], 'wasm32-wasi');
    assert.equal(node.metadata.labels!['wasmlet.dev/runtime-wasi'], 'true');
    assert.equal(node['status'].nodeInfo.kubeletVersion, 'v1.37.2-wasmlet.0.1.0');
    assert.deepEqual(node['spec'].taints.map((taint: { effect: string }) => taint.effect), ['NoSchedule', 'NoExecute', 'NoSchedule']);
    assert.deepEqual(fake.objects.get('csinodes', undefined, name)?.metadata.ownerReferences?.[0]?.['uid'], node.metadata.uid);
    await fake.until('events', () => reasons().includes('NodeReady'));
    assert.ok(reasons().includes('Starting') && reasons().includes('NodeHasSufficientMemory'));
    const event = fake.objects.list('events').find((candidate) => candidate['reason'] === 'NodeReady')!;
    assert.equal(event['message'], `Node ${name} status is now: NodeReady`);
    assert.deepEqual(event['involvedObject'], { kind: 'Node', name, uid: name });
    assert.equal(event.metadata.namespace, 'default');
  });

  it('writes the status only when something changed', async () => {
    registrar.start();
    await untilReady();
    const patches = () => fake.requests.filter(({ method, url }) => method === 'PATCH' && url.includes('/status')).length;
    const before = patches();
    await registrar.sync();
    await registrar.sync();
    assert.equal(patches(), before);
    description = nodeDescription({ name, pressure: { memory: true, disk: false, pid: false } });
    await registrar.sync();
    assert.equal(condition('MemoryPressure').status, 'True');
    assert.equal(condition('MemoryPressure').reason, 'KubeletHasInsufficientMemory');
    assert.equal(patches(), before + 1);
  });

  it('compares once for all who ask before it has begun, and tells what is then', async () => {
    registrar.start();
    await untilReady();
    await registrar.sync();
    const before = descriptions;
    const underWay = registrar.sync();
    await Promise.resolve();
    description = nodeDescription({ name, maxPods: 7 });
    await Promise.all([underWay, ...Array.from({ length: 10 }, () => registrar.sync())]);
    assert.equal(stored()!['status'].allocatable.pods, '7');
    assert.ok(descriptions - before < 5, `${descriptions - before} comparisons`);
  });

  it('keeps two internal addresses, which a plain strategic merge would fold into one', async () => {
    registrar.start();
    await untilReady();
    description = nodeDescription({ name, addresses: [{ type: 'InternalIP', address: '192.0.2.1' }, { type: 'InternalIP', address: '2001:db8::1' }, { type: 'Hostname', address: name }] });
    await registrar.sync();
    assert.deepEqual(stored()!['status'].addresses.map(({ address }: { address: string }) => address), ['192.0.2.1', '2001:db8::1', name]);
  });

  it('leaves conditions and labels of others alone, and takes the label of a failed runtime off', async () => {
    registrar.start();
    await untilReady();
    fake.patch('nodes', undefined, name, { metadata: { labels: { team: 'a' } } });
    fake.patch('nodes', undefined, name, { status: { conditions: [...stored()!['status'].conditions, { type: 'KernelDeadlock', status: 'False' }] } }, 'status');
    description = nodeDescription({ name, runtimes: [], pressure: { memory: false, disk: true, pid: false } });
    await fake.until('the label to go', () => stored()!.metadata.labels!['wasmlet.dev/runtime-wasi'] === undefined);
    await fake.until('the pressure', () => condition('DiskPressure').status === 'True');
    assert.equal(stored()!.metadata.labels!['team'], 'a');
    assert.equal(condition('KernelDeadlock').status, 'False');
  });

  it('takes over a node that exists, tells a reboot, and only tells of taints that are missing', async () => {
    fake.create('nodes', { metadata: { name, labels: { team: 'a' } }, spec: {}, status: { nodeInfo: { bootID: 'an earlier boot' } } });
    registrar.start();
    await untilReady();
    assert.equal(stored()!.metadata.labels!['team'], 'a');
    assert.equal(stored()!.metadata.labels!['kubernetes.io/arch'], 'wasm32-wasi');
    assert.deepEqual(stored()!['spec'].taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
    assert.ok(warnings.some((warning) => warning.includes('lacks taints')));
    await fake.until('Rebooted', () => reasons().includes('Rebooted'));
  });

  it('registers again after a deletion, with the cordon that it had', async () => {
    registrar.start();
    await untilReady();
    const { uid } = stored()!.metadata;
    fake.patch('nodes', undefined, name, { spec: { unschedulable: true } });
    await fake.until('NodeNotSchedulable', () => reasons().includes('NodeNotSchedulable'));
    fake.delete('nodes', undefined, name);
    fake.delete('csinodes', undefined, name);
    await fake.until('a new node', () => stored() !== undefined && stored()!.metadata.uid !== uid);
    assert.equal(stored()!['spec'].unschedulable, true);
    await untilReady();
    assert.ok(fake.objects.get('csinodes', undefined, name));
  });

  it('starts during an outage and registers when the API server is back', async () => {
    const back = fake.outage();
    registrar.start();
    lease.start();
    await new Promise((resolve) => setTimeout(resolve, 300));
    back();
    await untilReady();
    await fake.until('the lease', () => fake.objects.get('leases', 'kube-node-lease', name));
  });

  it('tells why it is not ready', async () => {
    registrar.start();
    await untilReady();
    description = nodeDescription({ name, notReady: ['node is shutting down'] });
    await registrar.sync();
    assert.deepEqual([condition('Ready').status, condition('Ready').reason, condition('Ready').message], ['False', 'KubeletNotReady', 'node is shutting down']);
    await fake.until('NodeNotReady', () => reasons().includes('NodeNotReady'));
  });

  it('holds a lease with microseconds and an owner', async () => {
    registrar.start();
    lease.start();
    const held = await fake.until('the lease', () => fake.objects.get('leases', 'kube-node-lease', name));
    assert.match(held['spec'].renewTime, /\.\d{6}Z$/);
    assert.equal(held['spec'].leaseDurationSeconds, 40);
    assert.equal(held.metadata.ownerReferences?.[0]?.['uid'], registrar.node?.metadata.uid);
  });

  it('tries again after refusals and lost answers', async () => {
    fake.faults.add({ method: 'POST', path: /nodes$/ }, { kind: 'lose-answer' });
    fake.faults.add({ method: 'PATCH', path: /status$/ }, { kind: 'refuse', error: new StatusError(500, 'InternalError', 'etcd is away') }, 2);
    registrar.start();
    await untilReady();
  });
});
