import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { freePorts } from '../../cluster/free-ports.ts';
import { plainRuntime } from '../../support/engine-bed.ts';
import { everythingFrom, loopbackPort, SocketBed } from '../../support/socket-bed.ts';

/** What keeps the process's sockets open. */
const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;

/** Reads everything, a piece now and then. */
async function readSlowly(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    socket.pause();
    setTimeout(() => socket.resume(), 1);
  });
  await once(socket, 'end');
  return Buffer.concat(pieces);
}

/** An answer, and a half-close for a half-close. */
async function answersOne(sockets: SocketBed): Promise<void> {
  const { id, port } = await sockets.serve(await sockets.fixture('echo.wasm'), ['1']);
  const client = await sockets.connect(port);
  client.write('hello ');
  assert.equal(String((await once(client, 'data'))[0]), 'hello ');
  client.end('world');
  assert.equal(String(await everythingFrom(client)), 'world');
  assert.deepEqual((await sockets.bed.ended(id)).exit, { code: 0, reason: 'Completed' });
}

async function servesMany(sockets: SocketBed): Promise<void> {
  const { id, port } = await sockets.serve(await sockets.fixture('echo.wasm'), ['64']);
  const clients = await Promise.all(Array.from({ length: 64 }, () => sockets.connect(port)));
  const texts = clients.map((_, index) => `client ${index} `.repeat(500));
  clients.forEach((client, index) => client.write(texts[index]!));
  clients.toReversed().forEach((client) => client.end());
  const answers = await Promise.all(clients.map(everythingFrom));
  assert.deepEqual(answers.map(String), texts);
  assert.equal((await sockets.bed.ended(id)).exit?.code, 0);
}

for (const runtime of ['node-wasi', 'wasmer']) {
  describe(`an echo server on the runtime ${runtime}`, () => {
    let sockets: SocketBed;
    before(async () => {
      sockets = await SocketBed.create(runtime);
    });
    after(() => sockets.close());

    it('answers a client, and its half-close by one', () => answersOne(sockets));
    it('serves 64 clients at once', () => servesMany(sockets));
  });
}

for (const isolation of ['dedicated', 'shared'] as const) describe(`the sockets of a container on a ${isolation} thread`, () => {
  let sockets: SocketBed;
  before(async () => {
    sockets = await SocketBed.create('wasi', { isolation });
  });
  after(async () => {
    await sockets.close();
    // A destroyed socket is gone some turns of the event loop later.
    while (openSockets() > 0) await pause(5);
  });

  const serve = async (name: 'echo' | 'calls', ...args: string[]): Promise<{ id: string; port: number }> => sockets.serve(await sockets.fixture(`${name}.wasm`), args);
  const refused = (port: number): Promise<void> => assert.rejects(sockets.connect(port), { code: 'ECONNREFUSED' });

  it('answer a client, and its half-close by one', () => answersOne(sockets));
  it('serve 64 clients at once', () => servesMany(sockets));

  it('carry 8 MiB each way whole, with a client that reads slowly beside one that does not', async () => {
    const { id, port } = await serve('echo', '2');
    const [slow, fast] = await Promise.all([sockets.connect(port), sockets.connect(port)]);
    const bytes = randomBytes(8 * 1024 * 1024);
    const [slowly, quickly] = [readSlowly(slow), everythingFrom(fast)];
    slow.end(bytes);
    fast.end(bytes);
    assert.ok(bytes.equals(await quickly as Buffer));
    assert.ok(bytes.equals(await slowly));
    await sockets.bed.ended(id);
  });

  it('carry what a client writes in pieces of one byte', async () => {
    const { port, id } = await serve('echo', '1');
    const client = await sockets.connect(port);
    client.setNoDelay(true);
    const answer = everythingFrom(client);
    const bytes = randomBytes(2000);
    for (const byte of bytes) client.write(Uint8Array.of(byte));
    client.end();
    assert.ok(bytes.equals(await answer as Buffer));
    await sockets.bed.ended(id);
  });

  it('hold a client back whose answers nobody reads', async () => {
    const { id, port } = await serve('echo');
    const client = await sockets.connect(port);
    const offered = 128 * 1024 * 1024;
    for (let written = 0; written < offered; written += 1024 * 1024) client.write(Buffer.alloc(1024 * 1024));
    // Until nothing has moved for a while. What the kernel holds, at both ends and in both directions, is the most of it.
    for (let left = 0, still = 0; still < 30; still = client.writableLength === left ? still + 1 : 0) {
      left = client.writableLength;
      await pause(5);
    }
    assert.ok(client.writableLength > offered / 2, `${client.writableLength} of ${offered} bytes were not taken`);
    // What the guest wrote is still unread, and does not keep the connection.
    await sockets.bed.engine.stopContainer(id, 0);
    client.resume();
    while (!client.closed) await pause(5);
    assert.match(String(client.errored), /ECONNRESET|EPIPE/);
  });

  it('outlive a client that vanishes', async () => {
    const { id, port } = await serve('echo', '3');
    const [first, second, third] = await Promise.all([1, 2, 3].map(() => sockets.connect(port)));
    first!.write('unread');
    await once(first!, 'data');
    first!.resetAndDestroy();
    second!.destroy();
    third!.end('still here');
    assert.equal(String(await everythingFrom(third!)), 'still here');
    assert.equal((await sockets.bed.ended(id)).exit?.code, 0);
  });

  it('are reset when their guest is killed, and its port is free for the next attempt at once', async () => {
    const artifact = await sockets.fixture('calls.wasm');
    const [port] = await freePorts(1) as [number];
    for (let attempt = 0; attempt < 5; attempt++) {
      const served = await sockets.serve(artifact, ['hold'], { attempt, ports: [loopbackPort(port)] });
      const [accepted, waiting] = [await sockets.connect(port), await sockets.connect(port)];
      assert.equal(String((await once(accepted, 'data'))[0]), 'held');
      const ends = Promise.all([everythingFrom(accepted), everythingFrom(waiting)]);
      await sockets.bed.engine.stopContainer(served.id, 0);
      assert.deepEqual((await ends).map((end) => (end as NodeJS.ErrnoException).code), ['ECONNRESET', 'ECONNRESET']);
      await refused(port);
    }
  });

  for (const [what, code] of [['leave', 0], ['trap', 134]] as const) {
    it(`give everything that was written to a client that reads after its guest's end (${what})`, async () => {
      const { id, port } = await serve('calls', what);
      const client = await sockets.connect(port);
      // The guest is held back until the client reads: all but what the rings and the kernel hold.
      const bytes = await readSlowly(client);
      assert.equal(bytes.length, 16 * 70_000);
      assert.equal((await sockets.bed.ended(id)).exit?.code, code);
      await refused(port);
    });
  }

  it('give everything to a guest that ends its own direction first and reads late', async () => {
    const { id, port } = await serve('calls', 'late');
    const client = await sockets.connect(port);
    await everythingFrom(client);
    client.end(Buffer.alloc(1_000_000));
    await sockets.bed.ended(id);
    assert.equal((await sockets.output(id)).split('\n').at(-1), '1000000 bytes');
  });

  it('let wait as many as the backlog holds, and reset the others', async () => {
    const { id, port } = await serve('calls', 'hold');
    const first = await sockets.connect(port);
    await once(first, 'data');
    const others = await Promise.all(Array.from({ length: 200 }, () => sockets.connect(port)));
    // What is reset, is reset at its arrival; one connection more arrives after all of them.
    const last = await sockets.connect(port);
    await everythingFrom(last);
    await pause(10);
    const reset = others.filter(({ destroyed }) => destroyed).length;
    assert.equal(reset, 200 - 128);
    await sockets.bed.engine.stopContainer(id, 0);
  });

  it('survive 500 connections that are closed twice and written to after their end', async () => {
    const { id, port } = await serve('calls', 'flood');
    while (sockets.bed.observe(id).phase === 'running') {
      const clients = await Promise.all(Array.from({ length: 20 }, () => sockets.connect(port).catch(() => undefined)));
      await Promise.all(clients.map(async (client) => client && everythingFrom(client)));
      for (const client of clients) client?.destroy();
    }
    assert.deepEqual((await sockets.bed.ended(id)).exit, { code: 0, reason: 'Completed' });
    assert.equal(await sockets.output(id), 'served');
  });

  it('cannot be had twice: the loser is told who has the port, and gets it afterwards', async () => {
    const artifact = await sockets.fixture('echo.wasm');
    const { id, port } = await sockets.serve(artifact, [], { podUid: 'winner', name: 'server' });
    for (const address of ['127.0.0.1', '0.0.0.0']) {
      const loser = await sockets.bed.run(artifact, { podUid: 'loser', runtime: 'wasi', ports: [loopbackPort(), { name: '', port, addresses: [{ address, port }] }] });
      assert.deepEqual(loser.exit, {
        code: 128,
        reason: 'StartError',
        errorCode: 'PORT_UNAVAILABLE',
        message: `TCP port ${port} at ${address} is in use by container server of pod default/pod-winner`,
      });
      assert.equal(loser.ports, undefined);
    }
    const losers = () => sockets.bed.engine.podSandbox('loser')!.containers;
    assert.deepEqual(losers().map(({ portFreed }) => portFreed), [undefined, undefined]);
    await sockets.bed.engine.stopContainer(id, 1);
    assert.deepEqual(losers().map(({ portFreed }) => portFreed), [true, true]);
    const told = () => sockets.bed.events.filter(({ type }) => type === 'container-changed').map(({ containerId }) => containerId);
    assert.deepEqual(told(), losers().map((loser) => loser.id), 'and both are told of');
    const next = await sockets.serve(artifact, ['1'], { podUid: 'loser', ports: [loopbackPort(port)] });
    (await sockets.connect(port)).end();
    await sockets.bed.ended(next.id);
  });

  it('are refused a port that another program has, and an address that is not the machine\'s', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const artifact = await sockets.fixture('echo.wasm');
    const taken = await sockets.bed.run(artifact, { runtime: 'wasi', ports: [loopbackPort(port)] });
    assert.equal(taken.exit?.message, `TCP port ${port} at 127.0.0.1 is in use by another program on this machine`);
    server.close();
    const foreign = await sockets.bed.run(artifact, { runtime: 'wasi', ports: [{ name: '', port: 80, addresses: [{ address: '203.0.113.1', port: 8080 }] }] });
    assert.deepEqual([foreign.exit?.message, foreign.exit?.errorCode], ['TCP port 8080 at 203.0.113.1: this machine does not have that address', 'PORT_UNAVAILABLE']);
  });

  it('are bounded over all guests', async () => {
    const bounded = await SocketBed.create('wasi', { maxConnections: 2, isolation });
    try {
      const artifact = await bounded.fixture('echo.wasm');
      const [one, two] = [await bounded.serve(artifact), await bounded.serve(artifact)];
      const first = await bounded.connect(one.port);
      first.write('1');
      await once(first, 'data');
      const second = await bounded.connect(two.port);
      second.write('2');
      await once(second, 'data');
      const third = everythingFrom(await bounded.connect(two.port));
      assert.equal(((await third) as NodeJS.ErrnoException).code, 'ECONNRESET');
      first.end();
      await everythingFrom(first);
      // The place is free when the node has seen the connection's end, which is after the client has.
      for (let answer = ''; answer !== '4'; ) {
        const fourth = await bounded.connect(two.port);
        fourth.end('4');
        answer = String(await everythingFrom(fourth));
      }
    } finally {
      await bounded.close();
    }
  });

  it('are none where the runtime takes no listeners: the guest runs, and nothing listens', async () => {
    const plain = await SocketBed.create('wasi', { runtimes: { get: () => plainRuntime, list: () => [plainRuntime] } });
    try {
      const done = await plain.bed.run(await plain.bed.module('(module (func (export "_start")))'), { runtime: 'plain', ports: [loopbackPort()] });
      assert.deepEqual([done.exit, done.ports], [{ code: 0, reason: 'Completed' }, undefined]);
    } finally {
      await plain.close();
    }
  });
});
