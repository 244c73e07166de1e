import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { WasmletError } from '../../../core/api/errors.ts';
import { Credentials } from '../../../core/kube/api/credentials.ts';
import { readKubeconfig } from '../../../core/kube/api/kubeconfig.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

describe('readKubeconfig', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };
  const config = (cluster: string, user: string): string => `
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {${cluster}}}]
users: [{name: u, user: {${user}}}]
contexts: [{name: x, context: {cluster: c, user: u, namespace: team}}]
current-context: x
`;

  it('reads the current context: inline data before files, relative paths from the file', async () => {
    const data = Buffer.from('PEM').toString('base64');
    const access = await readKubeconfig(await write('a', config(`server: "https://h:6443/", certificate-authority-data: ${data}, tls-server-name: n, proxy-url: "http://p:1"`, 'client-certificate: tls/c.pem, client-key: /k.pem, tokenFile: t')));
    assert.deepEqual(access, {
      server: 'https://h:6443',
      insecureSkipTLSVerify: false,
      namespace: 'team',
      ca: { data: 'PEM' },
      tlsServerName: 'n',
      proxyURL: 'http://p:1',
      certificate: { file: join(directory, 'tls/c.pem') },
      key: { file: '/k.pem' },
      tokenFile: join(directory, 't'),
    });
  });

  it('of several files the first that has a name wins', async () => {
    const first = await write('one', 'contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\nusers: [{name: u, user: {token: first}}]');
    const access = await readKubeconfig([first, await write('two', config('server: "http://h"', 'token: second'))]);
    assert.equal(access.token, 'first');
    assert.equal(access.server, 'http://h');
  });

  const refused: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['no YAML', '{', /kubeconfig .*bad: /],
    ['a list', '[]', /not a mapping/],
    ['no context', 'clusters: []', /no current-context/],
    ['an unknown cluster', 'contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x', /clusters has no "c"/],
    ['a server that is no URL', config('server: nowhere', 'token: t'), /clusters\[c\]\.cluster\.server must be an http or https URL/],
    ['a token that is no text', config('server: "http://h"', 'token: {}'), /users\[u\]\.user\.token must be a string/],
    ['a removed auth provider', config('server: "http://h"', 'auth-provider: {name: gcp}'), /use an exec credential plugin/],
    ['an exec plugin without command', config('server: "http://h"', 'exec: {apiVersion: client.authentication.k8s.io/v1}'), /needs a command/],
    ['a proxy that it cannot speak to', config('server: "http://h", proxy-url: "socks5://p:1"', 'token: t'), /proxy-url/],
  ];
  for (const [what, text, message] of refused) {
    it(`refuses ${what}, naming file and field`, async () => {
      await assert.rejects(readKubeconfig(await write('bad', text)), (error: unknown) => error instanceof WasmletError && error.code === 'KUBECONFIG_INVALID' && message.test(error.message));
    });
  }

  it('answers or throws KUBECONFIG_INVALID, whatever the file holds', async () => {
    const file = join(directory, 'fuzz');
    const value = fc.jsonValue({ maxDepth: 3 });
    const shaped = fc.record({ 'current-context': fc.constantFrom('x', 'y'), contexts: value, clusters: value, users: value }, { requiredKeys: [] });
    await fc.assert(
      fc.asyncProperty(fc.oneof(value, shaped), async (content) => {
        await writeFile(file, JSON.stringify(content));
        try {
          await readKubeconfig(file);
        } catch (error) {
          assert.ok(error instanceof WasmletError && error.code === 'KUBECONFIG_INVALID', String(error));
        }
      }),
      { numRuns: 100 },
    );
  });

  describe('credentials', () => {
    const tick = (clock: VirtualClock, milliseconds: number) => clock.advance(milliseconds, async () => {});

    it('reads a token file again after a while', async () => {
      const clock = new VirtualClock();
      const access = await readKubeconfig(await write('t', config('server: "http://h"', 'tokenFile: token')));
      await write('token', 'one\n');
      const credentials = new Credentials(access, clock, {});
      assert.equal((await credentials.current()).authorization, 'Bearer one');
      await write('token', 'two\n');
      assert.equal((await credentials.current()).authorization, 'Bearer one');
      await tick(clock, 10_001);
      assert.equal((await credentials.current()).authorization, 'Bearer two');
    });

    it('another certificate is another generation, another token is not', async () => {
      const clock = new VirtualClock();
      const access = await readKubeconfig(await write('g', config('server: "https://h"', 'client-certificate: cert, client-key: key, token: t')));
      await write('cert', 'one');
      await write('key', 'k');
      const credentials = new Credentials(access, clock, {});
      const before = await credentials.current();
      await write('cert', 'two');
      credentials.invalidate();
      const after = await credentials.current();
      assert.notEqual(after.generation, before.generation);
      assert.equal(after.tls.cert, 'two');
    });

    it('says which file it cannot read', async () => {
      const access = await readKubeconfig(await write('m', config('server: "https://h", certificate-authority: missing.crt', 'token: t')));
      await assert.rejects(new Credentials(access, new VirtualClock(), {}).current(), /cannot read .*missing\.crt/);
    });

    const plugin = (script: string): string =>
      config('server: "https://h", tls-server-name: n', `exec: {apiVersion: client.authentication.k8s.io/v1, command: ${process.execPath}, args: ["-e", ${JSON.stringify(script)}], env: [{name: EXTRA, value: e}], provideClusterInfo: true}`);

    it('asks a credential plugin, and again when its answer expires', async () => {
      const clock = new VirtualClock();
      const script = `const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
        console.log(JSON.stringify({apiVersion: info.apiVersion, kind: 'ExecCredential', status: {token: [process.env.EXTRA, process.env.GIVEN, info.spec.cluster['tls-server-name'], process.pid].join('-'), expirationTimestamp: '2026-01-01T00:05:00Z'}}))`;
      const access = await readKubeconfig(await write('e', plugin(script)));
      const credentials = new Credentials(access, clock, { GIVEN: 'g' });
      const first = (await credentials.current()).authorization!;
      assert.match(first, /^Bearer e-g-n-\d+$/);
      await tick(clock, 60_000);
      assert.equal((await credentials.current()).authorization, first);
      await tick(clock, 240_000);
      assert.notEqual((await credentials.current()).authorization, first);
    });

    for (const [what, script, message] of [
      ['fails', 'console.error("log in first"); process.exit(3)', /exit code 3: log in first/],
      ['prints no JSON', 'console.log("hello")', /did not print JSON/],
      ['prints something else', 'console.log("{}")', /did not print an ExecCredential/],
    ] as const) {
      it(`tells what a plugin says that ${what}`, async () => {
        const access = await readKubeconfig(await write('f', plugin(script)));
        await assert.rejects(new Credentials(access, new VirtualClock(), {}).current(), message);
      });
    }
  });
});
