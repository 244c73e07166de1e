/** `kubectl top` by a real metrics-server, which reaches the node as it does in any cluster. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { freePorts } from '../cluster/free-ports.ts';
import { preview1Guest } from '../support/preview1-guests.ts';
import { eventually } from '../support/wasmlet-process.ts';
import { reasonToSkip } from './cluster.ts';
import { NodeBed } from './node-bed.ts';

const account = 'kube-system:metrics-server';
/** What its own manifests grant and register; it runs beside the API server, not in a pod. */
const rights = [
  ['create', 'serviceaccount', 'metrics-server'],
  ['create', 'clusterrole', 'system:metrics-server', '--verb=get,list,watch', '--resource=nodes,pods,nodes/metrics'],
  ['create', 'clusterrolebinding', 'system:metrics-server', '--clusterrole=system:metrics-server', `--serviceaccount=${account}`],
  ['create', 'clusterrolebinding', 'metrics-server:system:auth-delegator', '--clusterrole=system:auth-delegator', `--serviceaccount=${account}`],
  ['create', 'rolebinding', 'metrics-server-auth-reader', '--role=extension-apiserver-authentication-reader', `--serviceaccount=${account}`],
  ['create', 'service', 'externalname', 'metrics-server', '--external-name=localhost'],
];
const apiService = (port: number) => ({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1beta1.metrics.k8s.io' },
  spec: { group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: { name: 'metrics-server', namespace: 'kube-system', port } },
});

/** What a line of `kubectl top` says under a heading; the unit is dropped. */
function column(table: string, name: RegExp, heading: RegExp): number {
  const [head, ...lines] = table.trim().split('\n').map((line) => line.split(/\s+/));
  const cell = lines.find((line) => line.some((word) => name.test(word)))?.[head!.findIndex((word) => heading.test(word))];
  return Number.parseInt(cell ?? '', 10);
}

describe('metrics-server', { skip: await reasonToSkip('controllers', 'registry', 'metrics-server'), timeout: 180_000 }, () => {
  let cluster: ControlPlane;
  let bed: NodeBed;
  let server: ChildProcess | undefined;
  const system = async (args: readonly string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await cluster.kubectl(['-n', 'kube-system', ...args], input === undefined ? {} : { input });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const log = () => path.join(bed.directory, 'metrics-server.log');

  async function startMetricsServer(): Promise<void> {
    for (const right of rights) await system(right);
    const kubeconfig = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as { users: { user: object }[] };
    kubeconfig.users[0]!.user = { token: (await system(['create', 'token', 'metrics-server'])).trim() };
    const user = path.join(bed.directory, 'metrics-server.kubeconfig');
    writeFileSync(user, JSON.stringify(kubeconfig), { mode: 0o600 });
    const [port] = (await freePorts(1)) as [number];
    const output = openSync(log(), 'w');
    server = spawn(cluster.description.binaries['metrics-server']!, [
      ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${user}`),
      '--bind-address=127.0.0.1', `--secure-port=${port}`, `--cert-dir=${path.join(bed.directory, 'metrics-server')}`,
      '--kubelet-preferred-address-types=InternalIP', '--kubelet-use-node-status-port', '--kubelet-insecure-tls', '--metric-resolution=10s', '--kubelet-request-timeout=5s',
    ], { stdio: ['ignore', output, output] });
    await system(['create', '-f', '-'], JSON.stringify(apiService(port)));
  }

  before(async () => {
    cluster = await startControlPlane();
    bed = await NodeBed.open({ name: 'metrics', cluster });
    await startMetricsServer();
  });
  after(async () => {
    await cluster?.kubectl(['delete', 'apiservice', 'v1beta1.metrics.k8s.io', '--ignore-not-found']);
    if (server?.exitCode === null) {
      server.kill();
      await once(server, 'exit');
    }
    await bed?.close();
    await cluster?.stop();
  });

  /** The table, once it has all of the rows. */
  const top = (what: string, args: readonly string[], rows: number): Promise<string> =>
    eventually(`kubectl top shows ${what}`, async () => {
      assert.equal(server?.exitCode, null, 'metrics-server runs');
      const { code, stdout } = await cluster.kubectl(['-n', bed.namespace, 'top', ...args]);
      return code === 0 && stdout.trim().split('\n').length > rows ? stdout : undefined;
    }, 90).catch((error: Error) => assert.fail(`${error.message}\n${readFileSync(log(), 'utf8').slice(-4000)}`));

  it('shows idle and busy pods, of both classes, by container, and the node', async () => {
    await bed.createPod('idle', { spec: { containers: [{ name: 'one', args: ['sleep(ms:3600000)'] }, { name: 'two', args: ['sleep(ms:3600000)'] }] } });
    await bed.createPod('shared', { annotations: { 'wasmlet.dev/isolation': 'shared' }, spec: { containers: [{ name: 'main', args: ['sleep(ms:3600000)'] }] } });
    const image = await bed.push('spin', preview1Guest('spin'));
    await bed.createPod('busy', { spec: { containers: [{ name: 'main', image, resources: { limits: { cpu: '200m' } } }] } });

    const pods = await top('three pods', ['pods'], 3);
    assert.ok(column(pods, /^busy$/, /^CPU/) > 20, pods);
    for (const name of ['idle', 'shared']) assert.ok(column(pods, new RegExp(`^${name}$`), /^CPU/) < 20, pods);
    await top('four containers', ['pods', '--containers'], 4);
    // A guest with two pages of memory is 0Mi in that table.
    const { containers } = JSON.parse(await system(['get', '--raw', `/apis/metrics.k8s.io/v1beta1/namespaces/${bed.namespace}/pods/idle`])) as { containers: { name: string; usage: Record<string, string> }[] };
    assert.deepEqual(containers.map(({ name }) => name).sort(), ['one', 'two']);
    for (const { usage } of containers) assert.ok(Number.parseInt(usage['memory']!, 10) >= 64 && usage['memory']!.endsWith('Ki'), JSON.stringify(usage));
    const nodes = await top('the node', ['nodes'], 1);
    assert.ok(column(nodes, /^metrics-/, /^CPU\(cores\)/) > 20, nodes);
    assert.ok(column(nodes, /^metrics-/, /^MEMORY\(bytes\)/) > 30, nodes);
  });
});
