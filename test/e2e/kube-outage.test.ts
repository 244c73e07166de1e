/** An API server that goes away and comes back, under a node that must not notice more than it has to. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Lease, Node } from '../../core/api/kubernetes.ts';
import { ApiEventRecorder } from '../../core/kube/events/api-event-recorder.ts';
import { ApiNodeClient } from '../../core/kube/node/api-node-client.ts';
import { LeaseKeeper } from '../../core/kube/node/lease-keeper.ts';
import { NodeRegistrar } from '../../core/kube/node/node-registrar.ts';
import { ApiPodSource } from '../../core/kube/watch/api-pod-source.ts';
import { watchNode } from '../../core/kube/watch/watch-node.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { systemClock } from '../../core/telemetry/system-clock.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { connect } from '../support/kube-connection.ts';
import { nodeDescription } from '../support/node-description.ts';
import { reasonToSkip } from './cluster.ts';

const nodeName = 'outage';

describe('a restart of the API server', { skip: await reasonToSkip('controllers'), timeout: 180_000 }, () => {
  let cluster: ControlPlane;
  let directory: string;
  const stops: (() => Promise<void> | void)[] = [];
  let registrar: NodeRegistrar;
  let recorder: ApiEventRecorder;
  const seen: string[] = [];

  before(async () => {
    cluster = await startControlPlane();
    directory = await mkdtemp(join(tmpdir(), 'wasmlet-outage-'));
    const api = await connect(await cluster.writeKubeconfig(join(directory, 'kubeconfig'), { name: `system:node:${nodeName}`, groups: ['system:nodes'] }));
    const parts = { api, nodeName, clock: systemClock, random: Math.random, logger: silentLogger };
    const client = new ApiNodeClient(parts);
    recorder = new ApiEventRecorder(parts);
    registrar = new NodeRegistrar({ ...parts, client, events$: watchNode(parts), describe: () => nodeDescription({ name: nodeName, hostname: nodeName }), recorder, registerNode: true, updateFrequency: 1_000 });
    const lease = new LeaseKeeper({ client, nodeUid: () => registrar.node?.metadata.uid, clock: systemClock, logger: silentLogger, durationSeconds: 4 });
    const pods = new ApiPodSource(parts).events$.subscribe((event) => seen.push(event.type === 'SYNCED' ? 'SYNCED' : `${event.type} ${event.object.metadata.name}`));
    stops.push(() => pods.unsubscribe(), () => lease.stop(), () => registrar.stop(), () => recorder.stop(0), () => api.close());
    registrar.start();
    lease.start();
    await registrar.registered;
    await until('the service account', async () => (await cluster.kubectl(['get', 'serviceaccount', 'default'])).code === 0);
    await create('before');
    await until('the pod', async () => seen.includes('ADDED before'));
    await until('the lease', async () => (await cluster.kubectl(['get', 'lease', '-n', 'kube-node-lease', nodeName])).code === 0);
  });

  after(async () => {
    for (const stop of stops) await stop();
    await cluster?.stop();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  const until = async (what: string, found: () => Promise<boolean>): Promise<void> => {
    const end = Date.now() + 60_000;
    while (!(await found())) {
      assert.ok(Date.now() < end, `waited in vain: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const create = async (name: string): Promise<void> => {
    const tolerations = [{ operator: 'Exists' }];
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { nodeName, tolerations, containers: [{ name: 'main', image: 'example.com/i:1' }] } });
    const { code, stderr } = await cluster.kubectl(['create', '-f', '-'], { input });
    assert.equal(code, 0, stderr);
  };
  const get = async <T>(...args: string[]): Promise<T> => {
    const { stdout, stderr, code } = await cluster.kubectl(['get', ...args, '-o', 'json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };

  it('costs no pod and no node: lease, status, watch and events go on', async () => {
    const renewal = async (): Promise<string> => (await get<Lease>('lease', '-n', 'kube-node-lease', nodeName)).spec!.renewTime!;
    const earlier = await renewal();
    const { uid } = (await get<Node>('node', nodeName)).metadata;
    await cluster.stopApiServer();
    recorder.event({ kind: 'Node', name: nodeName, uid: nodeName }, 'Normal', 'DuringOutage', 'said to nobody');
    await registrar.sync();
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    await cluster.startApiServer();
    await until('a renewal', async () => (await renewal()) > earlier);
    assert.equal((await get<Node>('node', nodeName)).metadata.uid, uid);
    await create('after');
    await until('the new pod', async () => seen.includes('ADDED after'));
    await until('the event', async () => (await cluster.kubectl(['get', 'events', '-o', 'name', '--field-selector', 'reason=DuringOutage'])).stdout.startsWith('event/'));
    assert.ok(!seen.some((event) => event.startsWith('REMOVED')), seen.join(', '));
    assert.equal(seen.filter((event) => event === 'ADDED before').length, 1);
  });
});
