import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { ClusterDescription } from '../cluster/cluster-access.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { type RegistryOptions, registryUser, startRegistry } from '../cluster/registry.ts';
import { startTokenServer } from '../support/token-server.ts';
import { reasonToSkip } from './cluster.ts';

const pod = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'waiting' },
  spec: { containers: [{ name: 'main', image: 'registry.example/hello:1' }] },
});

describe('a control plane', { skip: await reasonToSkip('controllers', 'registry') }, () => {
  let cluster: ControlPlane;
  before(async () => {
    cluster = await startControlPlane();
  });
  after(() => cluster.stop());

  async function kubectl(...args: string[]): Promise<string> {
    const { stdout, stderr, code } = await cluster.kubectl(args);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  it('is a Kubernetes 1.37', async () => {
    const { serverVersion } = JSON.parse(await kubectl('version', '-o', 'json'));
    assert.equal(serverVersion.gitVersion, 'v1.37.2');
  });

  it('admits a pod, which stays Pending without a node', async () => {
    await kubectl('create', 'namespace', 'first');
    await untilEqual(() => kubectl('get', 'serviceaccounts', '-n', 'first', '-o', 'name'), 'serviceaccount/default\n');
    const created = await cluster.kubectl(['create', '-n', 'first', '-f', '-'], { input: pod });
    assert.equal(created.code, 0, created.stderr);
    const reason = '-o=jsonpath={.status.phase} {.status.conditions[?(@.type=="PodScheduled")].reason}';
    await untilEqual(() => kubectl('get', 'pod', '-n', 'first', 'waiting', reason), 'Pending Unschedulable');
  });

  it('has a registry', async () => {
    const { statusCode, body } = await request(`http://${cluster.registry!.address}/v2/`);
    assert.equal(statusCode, 200);
    assert.deepEqual(await body.json(), {});
  });

  it('knows a node by its certificate, and lets it do a node’s things only', async () => {
    const node = await cluster.apiClient({ name: 'system:node:one', groups: ['system:nodes'] });
    try {
      const object = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'one' } };
      await node.request('POST', '/api/v1/nodes', object);
      await assert.rejects(node.request('GET', '/api/v1/nodes/two'), { status: 403 });
      await assert.rejects(node.request('DELETE', '/api/v1/namespaces/default'), { status: 403 });
    } finally {
      node.close();
      await kubectl('delete', 'node', 'one');
    }
  });

  it('keeps its objects while the API server restarts', async () => {
    await kubectl('create', 'namespace', 'kept');
    await cluster.stopApiServer();
    const refused = await cluster.kubectl(['get', 'namespaces']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /refused/);
    await cluster.startApiServer();
    assert.match(await kubectl('get', 'namespaces'), /^kept /m);
  });

  it('runs beside a second one, and leaves nothing behind', async () => {
    const second = await startControlPlane();
    const { directory, pids, url } = second.description;
    try {
      assert.notEqual(url, cluster.url);
      assert.deepEqual(Object.keys(pids).sort(), [
        'etcd',
        'kube-apiserver',
        'kube-controller-manager',
        'kube-scheduler',
        'registry',
      ]);
    } finally {
      await second.stop();
    }
    assert.deepEqual(await processesOf(directory), []);
    assert.equal(existsSync(directory), false);
  });

  it('ends with a process that is killed', async () => {
    const program = new URL('../cluster/control-plane.ts', import.meta.url).href;
    const script = `const { startControlPlane } = await import(${JSON.stringify(program)});
      console.log(JSON.stringify((await startControlPlane()).description));
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
    const { directory } = JSON.parse(line) as ClusterDescription;
    assert.equal((await processesOf(directory)).length, 6, 'five components and the watchdog');
    owner.kill('SIGKILL');
    await untilEqual(async () => (await processesOf(directory)).length, 0);
    assert.equal(existsSync(directory), false);
  });

  describe('registries of its own', () => {
    async function withRegistry(options: RegistryOptions, work: (address: string, authority?: string) => Promise<void>): Promise<void> {
      const registry = await startRegistry(cluster.description.binaries.registry!, options);
      try {
        await work(registry.address, registry.authority);
      } finally {
        await registry.stop();
      }
    }

    it('ask for basic credentials', () =>
      withRegistry({ authentication: 'basic' }, async (address) => {
        const get = async (password?: string): Promise<number> => {
          const encoded = Buffer.from(`${registryUser.username}:${password}`).toString('base64');
          const headers = password === undefined ? {} : { authorization: `Basic ${encoded}` };
          return status(`http://${address}/v2/`, { headers });
        };
        assert.equal(await get(), 401);
        assert.equal(await get('wrong'), 401);
        assert.equal(await get(registryUser.password), 200);
      }));

    it('ask for a token of the token server', async () => {
      const tokens = await startTokenServer({ users: { ann: 'secret' } });
      try {
        await withRegistry({ authentication: tokens }, async (address) => {
          const url = `http://${address}/v2/team/app/tags/list`;
          const challenge = await request(url);
          assert.equal(challenge.statusCode, 401);
          const scope = 'repository:team/app:pull';
          assert.equal(
            challenge.headers['www-authenticate'],
            `Bearer realm="${tokens.realm}",service="${tokens.service}",scope="${scope}"`,
          );
          const realm = `${tokens.realm}?service=${tokens.service}&scope=${scope}`;
          const basic = (password: string): string => `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`;
          assert.equal(await status(realm, { headers: { authorization: basic('wrong') } }), 401);
          const tokenFor = async (headers: Record<string, string>): Promise<string> => {
            const { body } = await request(realm, { headers });
            return ((await body.json()) as { token: string }).token;
          };
          const anonymous = await tokenFor({});
          assert.equal(await status(url, { headers: { authorization: `Bearer ${anonymous}` } }), 401);
          const allowed = await tokenFor({ authorization: basic('secret') });
          // Allowed, and there is no such repository.
          assert.equal(await status(url, { headers: { authorization: `Bearer ${allowed}` } }), 404);
          assert.deepEqual(
            tokens.requests.map(({ user, status }) => [user, status]),
            [['ann', 401], [undefined, 200], ['ann', 200]],
          );
        });
      } finally {
        await tokens.stop();
      }
    });

    it('speak HTTPS with an authority of their own', () =>
      withRegistry({ tls: true }, async (address, authority) => {
        const url = `https://${address}/v2/`;
        await assert.rejects(status(url), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
        const dispatcher = new Agent({ connect: { ca: await readFile(authority!, 'utf8') } });
        assert.equal(await status(url, { dispatcher }), 200);
        await dispatcher.close();
      }));
  });
});

describe('KUBEBUILDER_ASSETS', () => {
  it('without the programs is an error, not a reason to skip', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'wasmlet-assets-'));
    const before = process.env['KUBEBUILDER_ASSETS'];
    process.env['KUBEBUILDER_ASSETS'] = empty;
    try {
      await assert.rejects(reasonToSkip(), { message: `KUBEBUILDER_ASSETS=${empty} has no etcd` });
    } finally {
      if (before === undefined) delete process.env['KUBEBUILDER_ASSETS'];
      else process.env['KUBEBUILDER_ASSETS'] = before;
      await rm(empty, { recursive: true });
    }
  });
});

async function status(url: string, options?: Parameters<typeof request>[1]): Promise<number> {
  const { statusCode, body } = await request(url, options);
  await body.dump();
  return statusCode;
}

async function untilEqual<T>(read: () => Promise<T>, expected: T): Promise<void> {
  const deadline = Date.now() + 20_000;
  let value = await read();
  while (value !== expected && Date.now() < deadline) {
    await sleep(100);
    value = await read();
  }
  assert.equal(value, expected);
}

/** Pids of living processes that name the directory among their arguments. */
async function processesOf(directory: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return pids.filter((_, index) => commands[index]!.includes(directory));
}
