import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { LocalClient } from '../../../core/server/local-client.ts';
import { CertificateAuthority } from '../../cluster/certificates.ts';
import { eventually, ServedNode } from './served-node.ts';

describe('the HTTPS port: who may ask', () => {
  let node: ServedNode;
  before(async () => {
    node = await ServedNode.start();
  });
  after(() => node.stop());
  beforeEach(() => {
    node.rights.clear();
    node.tokens.clear();
    node.asked.length = 0;
    node.clientCA.replace(node.authority.certificate);
  });

  it('refuses who brings nothing, or what it does not know', async () => {
    for (const caller of [{}, { token: 'unknown' }]) {
      const { status, body } = await node.ask('/pods', caller);
      assert.deepEqual([status, body], [401, 'Unauthorized']);
    }
    assert.deepEqual(node.asked, []);
  });

  it('takes the client certificate of its authority as user and groups', async () => {
    node.rights.add('kube-apiserver-kubelet-client get pods');
    const { status, body } = await node.ask('/pods', { client: await node.client('kube-apiserver-kubelet-client', ['kubeadm:cluster-admins']) });
    assert.equal(status, 200);
    assert.equal((JSON.parse(body) as { kind: string }).kind, 'PodList');
    assert.deepEqual(node.asked, ['kube-apiserver-kubelet-client get pods n1']);
  });

  it('refuses the certificate of another authority, and a server certificate', async () => {
    const stranger = await CertificateAuthority.create('stranger');
    assert.equal((await node.ask('/pods', { client: await stranger.issue({ commonName: 'admin' }) })).status, 401);
    assert.equal((await node.ask('/pods', { client: await node.authority.issue({ commonName: 'admin', hosts: ['n2'] }) })).status, 401);
  });

  it('lets no certificate count while there is no authority', async () => {
    const client = await node.client('admin');
    node.rights.add('admin get pods');
    assert.equal((await node.ask('/pods', { client })).status, 200);
    node.clientCA.replace(undefined);
    assert.equal((await node.ask('/pods', { client })).status, 401);
  });

  it('asks the reviews for a bearer token, and keeps metrics apart from logs', async () => {
    node.tokens.set('secret-token', { name: 'system:serviceaccount:m:scraper', groups: [] });
    node.rights.add('system:serviceaccount:m:scraper get metrics');
    assert.equal((await node.ask('/metrics', { token: 'secret-token' })).status, 200);
    assert.match((await node.ask('/metrics/resource', { token: 'secret-token' })).body, /^node_cpu_usage_seconds_total \d/m);
    assert.equal((await node.ask('/stats/summary', { token: 'secret-token' })).status, 403);
    const { status, body } = await node.ask('/containerLogs/default/p/c', { token: 'secret-token' });
    assert.deepEqual([status, body], [403, 'Forbidden (user=system:serviceaccount:m:scraper, verb=get, resource=nodes, subresource(s)=[proxy])']);
  });

  it('tries the finer right first, then nodes/proxy, and names both in the refusal', async () => {
    const client = await node.client('system:node:n2', ['system:nodes']);
    const { status, body } = await node.ask('/pods', { client });
    assert.deepEqual([status, body], [403, 'Forbidden (user=system:node:n2, verb=get, resource=nodes, subresource(s)=[pods proxy])']);
    assert.deepEqual(node.asked, ['system:node:n2 get pods n1', 'system:node:n2 get proxy n1']);
    node.rights.add('system:node:n2 get proxy');
    assert.equal((await node.ask('/pods', { client })).status, 200);
  });

  it('does not let a path be read in two ways', async () => {
    const client = await node.client('scraper');
    node.rights.add('scraper get metrics');
    for (const target of ['/metrics/../pods', '/metrics/%2e%2e/pods', '//metrics/../pods', '/metrics%2f..%2fpods']) {
      assert.equal((await node.ask(target, { client })).status, 403, target);
    }
    assert.equal((await node.ask('https://n1/metrics', { client })).status, 400);
  });

  it('answers what it does not have, and methods that a path does not take', async () => {
    const client = await node.client('admin');
    for (const right of ['get proxy', 'create proxy', 'create pods']) node.rights.add(`admin ${right}`);
    assert.equal((await node.ask('/configz', { client })).status, 404);
    assert.equal((await node.ask('/%ff', { client })).status, 400);
    const { status, headers } = await node.ask('/pods', { client, method: 'POST' });
    assert.deepEqual([status, headers['allow']], [405, 'GET']);
    assert.equal((await node.ask('/containerLogs/default/p/c', { client, method: 'POST' })).status, 405);
    assert.deepEqual((await node.ask('/exec/default/none/c?command=sh', { client })).status, 404);
    await node.addContainer('exec-target', {}, {});
    const exec = await node.ask('/exec/default/exec-target/main?command=sh&output=1', { client, method: 'POST' });
    assert.equal(exec.status, 501);
    assert.match(exec.body, /^exec is not supported by this node yet/);
    for (const upgrade of ['SPDY/3.1', 'websocket']) {
      const { status: answer } = await node.ask('/exec/default/exec-target/main?command=sh&output=1', { client, headers: { connection: 'Upgrade', upgrade } });
      assert.equal(answer, 501, upgrade);
    }
  });

  it('speaks HTTP/1.1 only', async () => {
    const socket = connect({ host: '127.0.0.1', port: node.port, ALPNProtocols: ['h2', 'http/1.1'], ca: node.authority.certificate, servername: 'n1' });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    assert.equal(socket.alpnProtocol, 'http/1.1');
    socket.destroy();
  });

  it('serves the kubelet metrics', async () => {
    node.tokens.set('t', { name: 'm', groups: [] });
    node.rights.add('m get metrics');
    await node.addContainer('measured', {}, {});
    const { body, headers } = await node.ask('/metrics', { token: 't' });
    assert.match(headers['content-type']!, /^text\/plain; version=0\.0\.4/);
    for (const line of ['kubelet_node_name{node="n1"} 1', 'kubelet_running_containers{container_state="running"} 2', 'kubelet_running_pods 2', 'kubelet_http_requests_total{method="GET",path="metrics",server_type="readwrite",long_running="false"}', 'git_version="v1.37.2-wasmlet.0.1.0"', 'process_resident_memory_bytes ', 'process_cpu_seconds_total ', 'kubelet_started_pods_total 0']) {
      assert.ok(body.includes(line), line);
    }
  });
});

describe('the HTTPS port: certificates', () => {
  it('fails handshakes until it has a certificate, then takes new ones without a restart', async () => {
    const node = await ServedNode.start();
    try {
      const first = node.certificate.current();
      const peer = async () => {
        const socket = connect({ host: '127.0.0.1', port: node.port, rejectUnauthorized: false });
        return new Promise<string>((resolve, reject) => socket.once('secureConnect', () => resolve(socket.getPeerCertificate().fingerprint256)).once('error', reject)).finally(() => socket.destroy());
      };
      const before = await peer();
      node.certificate.replace(undefined);
      await assert.rejects(peer());
      await eventually(() => assert.rejects(LocalClient.find(node.root), /waits for its serving certificate/));
      const next = await node.authority.issue({ commonName: 'system:node:n1', hosts: ['127.0.0.1'] });
      node.certificate.replace({ cert: next.certificate, key: next.key });
      assert.notEqual(await peer(), before);
      await eventually(async () => assert.deepEqual(await (await LocalClient.find(node.root)).pods(), []));
      node.certificate.replace({ cert: 'not a certificate', key: first!.key });
      assert.notEqual(await peer(), before, 'a broken certificate leaves the old one in force');
    } finally {
      await node.stop();
    }
  });
});

describe('the local credential', () => {
  it('lets the node be found and entered by its root directory, and is for its user only', async () => {
    const node = await ServedNode.start();
    try {
      const file = path.join(node.root, 'local', 'endpoint.json');
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.equal((await stat(path.dirname(file))).mode & 0o777, 0o700);
      await node.addContainer('p', {}, {});
      const client = await LocalClient.find(node.root);
      assert.deepEqual((await client.pods()).map(({ metadata }) => metadata.name), ['p']);
      assert.equal((await client.events('uid-p'))?.[0]?.reason, 'Pulled');
      assert.deepEqual((await client.plugins()).map(({ id }) => id), ['wasi']);
      assert.deepEqual(node.asked, [], 'no review is asked');
      const { token } = JSON.parse(await readFile(file, 'utf8')) as { token: string };
      assert.equal((await node.ask('/pods', { token: `${token}x` })).status, 401);
      await node.server.stop();
      await assert.rejects(client.pods(), /does not answer/);
      await assert.rejects(LocalClient.find(node.root), { code: 'NODE_UNREACHABLE' });
    } finally {
      await node.stop();
    }
  });

  it('does not speak to a server with another certificate', async () => {
    const node = await ServedNode.start();
    try {
      const client = await LocalClient.find(node.root);
      const stranger = await CertificateAuthority.create('stranger');
      const fake = await stranger.issue({ commonName: 'n1', hosts: ['127.0.0.1'] });
      node.certificate.replace({ cert: fake.certificate, key: fake.key });
      await assert.rejects(client.pods(), { code: 'NODE_UNREACHABLE' });
    } finally {
      await node.stop();
    }
  });
});

describe('the health port', () => {
  it('answers ok, or what fails, without credentials and nothing else', async () => {
    const node = await ServedNode.start();
    const ask = (target: string, method = 'GET') =>
      new Promise<[number, string]>((resolve, reject) => {
        plainRequest({ host: '127.0.0.1', port: node.healthzPort, path: target, method }, (response) => void text(response).then((body) => resolve([response.statusCode!, body]))).on('error', reject).end();
      });
    try {
      assert.deepEqual(await ask('/healthz'), [200, 'ok']);
      assert.deepEqual(await ask('/healthz/syncloop'), [200, 'ok']);
      assert.equal((await ask('/pods'))[0], 404);
      assert.equal((await ask('/healthz', 'POST'))[0], 405);
      node.healthFailure = 'the main loop has not turned for 5 minutes';
      const [status, body] = await ask('/healthz');
      assert.equal(status, 500);
      assert.match(body, /\[\+\]ping ok\n\[-\]syncloop failed: the main loop/);
      assert.deepEqual(await ask('/healthz/ping'), [200, 'ok']);
    } finally {
      await node.stop();
    }
  });

  it('tells an address that it cannot have', async () => {
    const node = await ServedNode.start();
    try {
      await assert.rejects(ServedNode.start({ port: node.port }), { code: 'ADDRESS_UNUSABLE' });
      await assert.rejects(ServedNode.start({ healthz: { address: '127.0.0.1', port: node.healthzPort } }), { code: 'ADDRESS_UNUSABLE' });
    } finally {
      await node.stop();
    }
  });
});
