/** HTTP services on the real engine: test/fixtures/http-service over TCP. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Artifact } from '../../../core/api/artifact.ts';
import type { ContainerConfig } from '../../../core/api/engine.ts';
import type { RegisteredRuntime } from '../../../core/api/runtime.ts';
import { inspect } from '../../../core/wasm/inspect.ts';
import { EngineBed, registryOf } from '../../support/engine-bed.ts';

const root = path.join(import.meta.dirname, '../../..');

const jco: RegisteredRuntime = {
  manifest: { name: 'jco', accepts: [{ kind: 'component', worlds: ['wasi:http/proxy@^0.2.0'] }], isolation: ['dedicated'], thread: './thread.ts', features: { listeners: ['wasi:http/incoming-handler'] } },
  pluginId: 'runtime-jco',
  threadUrl: pathToFileURL(path.join(root, 'runtimes/jco/thread.ts')).href,
  version: '1',
  state: 'active',
  allowed: true,
};

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly trailers: NodeJS.Dict<string>;
}

describe('an HTTP service', () => {
  let bed: EngineBed;
  let artifact: Artifact;

  before(async () => {
    bed = await EngineBed.create({ runtimes: registryOf(jco) });
    const file = path.join(root, 'test/fixtures/http-service/proxy.wasm');
    const bytes = await readFile(file);
    artifact = { kind: 'component', digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, path: file, name: 'proxy.wasm', sizeBytes: bytes.length, inspection: inspect(bytes) };
  });
  after(() => bed.close());

  /** Its id, and a function that asks it. */
  async function serve(changes: Partial<ContainerConfig> = {}): Promise<{ readonly id: string; ask(target: string, body?: Buffer): Promise<Answer>; readonly port: number }> {
    const id = await bed.start(artifact, { runtime: 'jco', ports: [{ name: 'http', port: 8080, addresses: [{ address: '127.0.0.1', port: 0 }] }], ...changes });
    await bed.running(id);
    const { port } = bed.observe(id).ports![0]!.addresses[0]!;
    return { id, port, ask: (target, body) => ask(port, target, body) };
  }

  async function ask(port: number, target: string, body?: Buffer): Promise<Answer> {
    const sending = request({ host: '127.0.0.1', port, path: target, method: body === undefined ? 'GET' : 'POST', agent: new Agent() });
    sending.end(body);
    const [message] = (await once(sending, 'response')) as [IncomingMessage];
    const received = Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>));
    return { status: message.statusCode!, body: received, trailers: message.trailers };
  }

  it('streams a body there and back, with trailers', async () => {
    const { id, ask } = await serve();
    const sent = Buffer.alloc(1024 * 1024, 'wasmlet ');
    const { status, body, trailers } = await ask('/echo', sent);
    assert.equal(status, 200);
    assert.ok(body.equals(sent));
    assert.equal(trailers['x-echoed'], 'whole');
    await bed.engine.stopContainer(id, 30);
  });

  it('gives each request an instance of its own, in which only the pod is to be seen', async () => {
    const { id, ask } = await serve({ env: [['FROM', 'pod']] });
    const counts = await Promise.all([1, 2, 3].map(async () => (await ask('/count')).body.toString()));
    assert.deepEqual(counts, ['1', '1', '1']);
    assert.equal((await ask('/environment')).body.toString(), 'FROM=pod\n');
    await bed.engine.stopContainer(id, 30);
  });

  it('answers 500 for a trap, an exit and no answer, and goes on', async () => {
    const { id, ask } = await serve();
    for (const target of ['/trap', '/exit', '/silent']) assert.equal((await ask(target)).status, 500, target);
    await assert.rejects(ask('/late'), 'what breaks off in the middle is no whole answer');
    assert.equal((await ask('/hello')).body.toString(), 'hello\n');
    assert.equal(bed.observe(id).phase, 'running');
    await bed.engine.stopContainer(id, 30);
  });

  it('serves others while one waits', async () => {
    const { id, ask } = await serve();
    const order: string[] = [];
    await Promise.all([ask('/wait/1000').then(() => order.push('waited')), ask('/hello').then(() => order.push('hello'))]);
    assert.deepEqual(order, ['hello', 'waited']);
    await bed.engine.stopContainer(id, 30);
  });

  it('is held to its memory limit over all of its instances', async () => {
    const { id, ask, port } = await serve({ resources: { descriptors: 64, memoryBytes: 32 * 1024 * 1024 } });
    // Each holds its memory until its request's body ends.
    const held = [];
    for (const expected of [200, 200, 500]) {
      const sending = request({ host: '127.0.0.1', port, path: '/memory/12', method: 'POST', agent: new Agent() });
      sending.flushHeaders();
      const [message] = (await once(sending, 'response')) as [IncomingMessage];
      assert.equal(message.statusCode, expected, 'three of 12 MiB do not fit');
      held.push(async () => {
        sending.end();
        await Array.fromAsync(message as AsyncIterable<Buffer>);
      });
    }
    await Promise.all(held.map((release) => release()));
    assert.equal((await ask('/hello')).status, 200);
    assert.equal(bed.observe(id).phase, 'running');
    await bed.engine.stopContainer(id, 30);
  });

  it('answers what has begun when it is stopped, and ends with 0; its port is free then', async () => {
    const { id, port, ask: query } = await serve();
    const waiting = query('/wait/500');
    await query('/hello');
    await bed.engine.stopContainer(id, 30);
    assert.equal((await waiting).body.toString(), 'waited');
    assert.deepEqual(bed.observe(id).exit, { code: 0, reason: 'Completed' });
    await assert.rejects(ask(port, '/hello'));
  });

  it('is killed when its grace is over', async () => {
    const { id, ask } = await serve();
    const waiting = assert.rejects(ask('/wait/60000'));
    await ask('/hello');
    await bed.engine.stopContainer(id, 0.2);
    assert.equal(bed.observe(id).exit?.code, 137);
    await waiting;
  });
});
