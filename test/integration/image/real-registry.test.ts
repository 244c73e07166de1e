import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { findBinaries } from '../../cluster/build.ts';
import type { Registry } from '../../cluster/registry.ts';
import { registryUser, startRegistry } from '../../cluster/registry.ts';
import type { TokenServer } from '../../support/token-server.ts';
import { startTokenServer } from '../../support/token-server.ts';
import { repository, wasmlet } from '../../support/wasmlet-process.ts';
import { createImageBed } from './image-bed.ts';

const hello = path.join(repository, 'examples', 'hello', 'hello.wasm');
const component = path.join(repository, 'examples', 'hello', 'hello.component.wasm');
const digestLine = /^sha256:[0-9a-f]{64}\n$/;
const found = await findBinaries((line) => process.stderr.write(`${line}\n`));
const program = 'binaries' in found ? found.binaries.registry : undefined;
const skip = program === undefined && ('unavailable' in found ? found.unavailable : 'KUBEBUILDER_ASSETS has no registry');
const hasOras = spawnSync('oras', ['version']).status === 0;

describe('push, pull and inspect against a real registry', { skip }, () => {
  let registries: { readonly anonymous: Registry; readonly basic: Registry; readonly secure: Registry; readonly token: Registry };
  let tokens: TokenServer;
  let directory: string;

  /** The command line with a home of its own. */
  const run = (...args: readonly string[]) => wasmlet(args, { cwd: directory, env: { XDG_CACHE_HOME: path.join(directory, 'cache'), DOCKER_CONFIG: path.join(directory, 'docker') } });
  const succeed = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0, stderr);
    return stdout;
  };

  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet images '));
    tokens = await startTokenServer({ users: { elmo: 'tickle' } });
    const [anonymous, basic, secure, token] = await Promise.all([startRegistry(program!), startRegistry(program!, { authentication: 'basic' }), startRegistry(program!, { tls: true }), startRegistry(program!, { authentication: tokens })]);
    registries = { anonymous, basic, secure, token };
    await mkdir(path.join(directory, 'docker'));
    const auth = Buffer.from(`${registryUser.username}:${registryUser.password}`).toString('base64');
    await writeFile(path.join(directory, 'docker', 'config.json'), JSON.stringify({ auths: { [basic.address]: { auth }, [token.address]: { username: 'elmo', password: 'tickle' } } }));
    await copyFile(hello, path.join(directory, 'hello.wasm'));
  });
  after(async () => {
    await Promise.all([...Object.values(registries), tokens].map((server) => server.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  for (const format of ['cncf', 'wasm-to-oci'] as const) {
    it(`what is pushed as ${format} is pulled again, byte for byte`, async () => {
      const reference = `${registries.anonymous.address}/tools/hello:${format}`;
      const pushed = await succeed('push', 'hello.wasm', reference, '--format', format);
      assert.match(pushed, digestLine);
      assert.equal(await succeed('push', 'hello.wasm', reference, '--format', format), pushed);
      const pulled = await succeed('pull', reference, '-o', 'pulled.wasm');
      assert.match(pulled, digestLine);
      assert.notEqual(pulled, pushed);
      assert.deepEqual(await readFile(path.join(directory, 'pulled.wasm')), await readFile(hello));
      const image = JSON.parse(await succeed('pull', reference, '--output', 'json')) as { id: string; artifact: { digest: string; name: string } };
      assert.equal(image.id, `${registries.anonymous.address}/tools/hello@${pushed.trim()}`);
      assert.deepEqual([image.artifact.digest, image.artifact.name], [pulled.trim(), 'hello.wasm']);
    });
  }

  for (const kind of ['basic', 'token'] as const) {
    it(`with ${kind} authentication the user's docker config is used, and without it the cause is told`, async () => {
      const reference = `${registries[kind].address}/private/hello:1`;
      await succeed('push', 'hello.wasm', reference);
      assert.match(await succeed('pull', reference), digestLine);
      const bed = await createImageBed();
      try {
        await assert.rejects(bed.pull(reference), { code: 'IMAGE_UNAUTHORIZED', message: /it wants credentials, and none are for it/ });
        const wrong = { registry: registries[kind].address, username: 'sesame-street', password: 'wrong' };
        await assert.rejects(bed.pull(reference, [wrong]), { code: 'IMAGE_UNAUTHORIZED', message: /the credentials were refused/ });
        const right = kind === 'basic' ? { registry: registries.basic.address, ...registryUser } : { registry: registries.token.address, username: 'elmo', password: 'tickle' };
        assert.equal((await bed.pull(reference, [wrong, right])).artifact.name, 'hello.wasm');
      } finally {
        await bed.stop();
      }
    });
  }

  it('asks for no more than the repository and the actions that it needs', () => {
    // The registry's challenge names the actions in any order.
    const inOrder = (scope: string): string => scope.replace(/[^:]+$/, (actions) => actions.split(',').sort().join(','));
    const scopes = new Set(tokens.requests.flatMap((request) => request.scopes).map(inOrder));
    assert.deepEqual([...scopes].sort(), ['repository:private/hello:pull', 'repository:private/hello:pull,push']);
  });

  it("trusts the registry's own authority when it is named, and says what to do when not", async () => {
    const { address, authority } = registries.secure;
    const reference = `${address}/hello:1`;
    // Loopback is plain http unless the user says otherwise, or names an authority.
    const strict = await createImageBed({ registries: [{ prefix: address, plainHTTP: false }] });
    const trusting = await createImageBed({ registries: [{ prefix: address, ca: authority! }] });
    try {
      await assert.rejects(strict.pull(reference), { code: 'REGISTRY_UNAVAILABLE', message: /its certificate is not trusted.*registries\[\]\.ca/ });
      await assert.rejects(trusting.pull(reference), { code: 'IMAGE_NOT_FOUND' });
      await succeed('push', 'hello.wasm', reference, '--ca', authority!);
      assert.equal((await trusting.pull(reference)).artifact.name, 'hello.wasm');
    } finally {
      await Promise.all([strict.stop(), trusting.stop()]);
    }
  });

  it('a mirror is asked in place of the registry', async () => {
    await succeed('push', 'hello.wasm', `${registries.anonymous.address}/hub/library/hello:1`);
    const bed = await createImageBed({ registries: [{ prefix: 'docker.io', mirror: `${registries.anonymous.address}/hub` }] });
    try {
      const image = await bed.pull('hello:1');
      assert.match(image.id, /^docker\.io\/library\/hello@sha256:/);
    } finally {
      await bed.stop();
    }
  });

  it('a directory serves in place of a registry', async () => {
    const pushed = await succeed('push', component, 'oci-layout:images:team/hello:1');
    await succeed('push', 'hello.wasm', 'oci-layout:images:team/other');
    assert.match(await succeed('pull', 'oci-layout:images:team/hello:1', '-o', 'component.wasm'), digestLine);
    const bed = await createImageBed({ registries: [{ prefix: 'example.dev', mirror: `oci-layout:${path.join(directory, 'images')}` }] });
    try {
      const image = await bed.pull('example.dev/team/hello:1');
      assert.deepEqual([image.id, image.artifact.kind], [`example.dev/team/hello@${pushed.trim()}`, 'component']);
      assert.deepEqual((await bed.pull(image.id)).artifact, image.artifact);
      await assert.rejects(bed.pull('example.dev/team/hello:2'), { code: 'IMAGE_NOT_FOUND', message: /there is no team\/hello:2; the layout has team\/hello:1, team\/other:latest/ });
    } finally {
      await bed.stop();
    }
  });

  it('two tags of one digest are one image under two names', async () => {
    const references = ['a', 'b'].map((tag) => `${registries.anonymous.address}/many/hello:${tag}`);
    for (const reference of references) await succeed('push', 'hello.wasm', reference);
    const bed = await createImageBed();
    try {
      const images = await Promise.all([...references, ...references].map((reference) => bed.pull(reference)));
      assert.equal(new Set(images.map(({ id }) => id)).size, 1);
      assert.equal((await bed.store.list()).length, 2);
    } finally {
      await bed.stop();
    }
  });

  it('inspect tells what a file or an image needs, and which runtimes accept it', async () => {
    const reference = `${registries.anonymous.address}/tools/inspected:1`;
    await succeed('push', component, reference);
    const image = JSON.parse(await succeed('inspect', reference, '--output', 'json')) as { inspection: { kind: string; world: string }; runtimes: { name: string; accepts: boolean; reason?: string }[] };
    assert.equal(image.inspection.kind, 'component');
    assert.match(image.inspection.world, /^wasi:cli\/command@0\.2/);
    assert.deepEqual(Object.fromEntries(image.runtimes.map(({ name, accepts }) => [name, accepts])), { 'wasi': false, 'jco': true, 'node-wasi': false, 'wasmer': false });
    const text = await succeed('inspect', 'hello.wasm');
    assert.match(text, /Kind: +core module\nImports: +wasi_snapshot_preview1: .*fd_write.*\nExports: +memory \(memory\), _start\n/);
    assert.match(text, /jco: no, it takes no modules/);
  });

  it('what cannot be done is said in one line', async () => {
    const { address } = registries.anonymous;
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['push', 'absent.wasm', `${address}/x:1`], 1, /there is no file absent\.wasm/],
      [['push', path.join(repository, 'package.json'), `${address}/x:1`], 1, /is not WebAssembly/],
      [['push', 'hello.wasm', `${address}/x@sha256:${'a'.repeat(64)}`], 2, /push to a tag/],
      [['push', 'hello.wasm', 'oci-layout:images'], 2, /oci-layout:DIR:NAME/],
      [['push', 'hello.wasm', `${address}/Upper:1`], 1, /must be lower case/],
      [['push', 'hello.wasm', `${address}/x:1`, '--format', 'docker'], 2, /Allowed choices are cncf, wasm-to-oci/],
      [['pull', `${address}/absent:1`], 1, /repository absent: manifest 1: not found \(404 Not Found/],
      [['pull', `${address}/tools/hello:cncf`, '-o', 'no/such/directory'], 2, /--out no\/such\/directory/],
      [['inspect', './absent.wasm'], 1, /there is no file/],
    ];
    for (const [args, code, message] of cases) {
      const result = await run(...args);
      assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, message);
      assert.doesNotMatch(result.stderr, /\n +at /);
      assert.equal(result.stdout, '');
    }
  });

  describe('together with oras', { skip: !hasOras && 'oras is not in PATH' }, () => {
    // A home of its own: oras reads the user's docker config.
    const oras = async (context: TestContext, ...args: readonly string[]): Promise<string> => {
      const child = spawn('oras', args, { cwd: directory, env: { ...process.env, HOME: directory }, stdio: ['ignore', 'pipe', 'pipe'], signal: context.signal });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const [code] = (await once(child, 'close')) as [number | null];
      assert.equal(code, 0, stderr);
      return stdout;
    };

    for (const format of ['cncf', 'wasm-to-oci'] as const) {
      it(`oras pulls what was pushed as ${format}`, async (context) => {
        const reference = `${registries.anonymous.address}/oras/${format}:1`;
        const pushed = await succeed('push', 'hello.wasm', reference, '--format', format);
        assert.equal((await oras(context, 'resolve', '--plain-http', reference)).trim(), pushed.trim());
        await oras(context, 'pull', '--plain-http', reference, '--output', `from-oras-${format}`);
        assert.deepEqual(await readFile(path.join(directory, `from-oras-${format}`, 'hello.wasm')), await readFile(hello));
      });
    }

    it('what oras pushes as wasm-to-oci did is pulled', async (context) => {
      const reference = `${registries.anonymous.address}/oras/pushed:1`;
      await writeFile(path.join(directory, 'config.json'), '{}');
      await oras(context, 'push', '--plain-http', reference, '--config', 'config.json:application/vnd.wasm.config.v1+json', 'hello.wasm:application/vnd.wasm.content.layer.v1+wasm');
      await succeed('pull', reference, '-o', 'of-oras.wasm');
      assert.deepEqual(await readFile(path.join(directory, 'of-oras.wasm')), await readFile(hello));
    });

    it('a text that oras pushes is refused', async (context) => {
      const reference = `${registries.anonymous.address}/oras/text:1`;
      await writeFile(path.join(directory, 'hello.txt'), 'hello');
      await oras(context, 'push', '--plain-http', reference, 'hello.txt:text/plain');
      const { code, stderr } = await run('pull', reference);
      assert.equal(code, 1);
      assert.match(stderr, /the image holds no WebAssembly/);
    });

    it('a layout that oras copies out serves as a mirror, and ours as a source for oras', async (context) => {
      const reference = `${registries.anonymous.address}/oras/cncf:1`;
      await succeed('push', 'hello.wasm', reference);
      await oras(context, 'copy', '--from-plain-http', reference, '--to-oci-layout', 'copied:1');
      const bed = await createImageBed({ registries: [{ prefix: 'example.dev/hello', mirror: `oci-layout:${path.join(directory, 'copied')}` }] });
      try {
        assert.equal((await bed.pull('example.dev/hello:1')).artifact.name, 'hello.wasm');
      } finally {
        await bed.stop();
      }
      const pushed = await succeed('push', 'hello.wasm', 'oci-layout:ours:hello:1');
      assert.match(await oras(context, 'manifest', 'fetch', '--oci-layout', `ours@${pushed.trim()}`), /application\/wasm/);
    });
  });
});
