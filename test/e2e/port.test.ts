/** The kubelet's port on a real control plane: who gets in, and to what. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { IncomingMessage } from 'node:http';
import type { ClusterAccess, User } from '../cluster/cluster-access.ts';
import { eventually, startNode } from '../support/wasmlet-process.ts';
import type { NodeProcess } from '../support/wasmlet-process.ts';
import { acquireCluster, reasonToSkip } from './cluster.ts';

const skip = await reasonToSkip('controllers');
const name = `port-${process.pid}`;

interface Credentials {
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

describe('the kubelet port', { skip }, () => {
  let directory: string;
  let cluster: ClusterAccess;
  let release: () => Promise<void>;
  let node: NodeProcess;
  let port: number;

  const get = async (target: string, { token, ...pair }: Credentials = {}): Promise<{ status: number; body: string }> => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ host: '127.0.0.1', port, path: target, agent: false, rejectUnauthorized: false, ...pair, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }, resolve).on('error', reject).end();
    });
    return { status: response.statusCode!, body: await text(response) };
  };
  const certificateOf = async (user: User): Promise<Credentials> => {
    const { certificate, key } = await cluster.issueClientCertificate(user);
    return { cert: certificate, key };
  };
  const kubectl = async (args: string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await cluster.kubectl(args, input === undefined ? {} : { input });
    assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  };

  before(async () => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-port-'));
    ({ cluster, release } = await acquireCluster());
    const kubeconfig = path.join(directory, 'kubeconfig');
    await cluster.writeKubeconfig(kubeconfig, { name: `system:node:${name}`, groups: ['system:nodes'] });
    node = startNode({ directory: path.join(directory, 'node'), name, args: ['--kubeconfig', kubeconfig] });
    port = await eventually('the node tells its port', async () => {
      const { code, stdout } = await cluster.kubectl(['get', 'node', name, '-o', 'jsonpath={.status.daemonEndpoints.kubeletEndpoint.Port}']);
      return code === 0 && stdout !== '' ? Number(stdout) : undefined;
    }).catch((error: unknown) => assert.fail(`${String(error)}\n${node.stderr()}`));
    await kubectl(['create', 'namespace', name]);
    await kubectl(['create', 'serviceaccount', 'scraper', '-n', name]);
    await kubectl(['create', 'clusterrole', name, '--verb=get', '--resource=nodes/metrics']);
    await kubectl(['create', 'clusterrolebinding', name, `--clusterrole=${name}`, `--serviceaccount=${name}:scraper`]);
  });
  after(async () => {
    await node?.stop();
    await cluster?.kubectl(['delete', 'clusterrole,clusterrolebinding,node', name, '--ignore-not-found']);
    await cluster?.kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found']);
    await release?.();
    rmSync(directory, { recursive: true, force: true });
  });

  it('answers 401 to nobody, and to a token that nobody issued', async () => {
    assert.deepEqual(await get('/pods'), { status: 401, body: 'Unauthorized' });
    assert.equal((await get('/pods', { token: 'made-up' })).status, 401);
  });
  it('answers 403 to a valid user without rights, and names what is missing', async () => {
    const { status, body } = await get('/pods', await certificateOf({ name: 'nobody-special' }));
    assert.equal(status, 403);
    assert.match(body, /^Forbidden \(user=nobody-special, verb=get, resource=nodes, subresource\(s\)=\[.*pods.*\]\)/);
  });
  it("answers 403 to another node's certificate", async () => {
    assert.equal((await get('/pods', await certificateOf({ name: 'system:node:other', groups: ['system:nodes'] }))).status, 403);
  });
  it("answers 200 to the API server's client", async () => {
    const pair = { cert: readFileSync(path.join(cluster.pki, 'kubelet-client.crt'), 'utf8'), key: readFileSync(path.join(cluster.pki, 'kubelet-client.key'), 'utf8') };
    const { status, body } = await get('/pods', pair);
    assert.equal(status, 200);
    assert.equal((JSON.parse(body) as { kind: string }).kind, 'PodList');
  });
  it('lets a token that may get nodes/metrics have metrics, and no logs', async () => {
    const token = (await kubectl(['create', 'token', 'scraper', '-n', name])).trim();
    const { status, body } = await get('/metrics', { token });
    assert.equal(status, 200, body);
    assert.match(body, /^kubelet_node_name\{node="port-/m);
    assert.equal((await get(`/containerLogs/${name}/some/pod`, { token })).status, 403);
    assert.equal((await get('/pods', { token })).status, 403);
  });
});
