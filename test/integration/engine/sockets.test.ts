import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { everythingFrom, SocketBed } from '../../support/socket-bed.ts';

for (const runtime of ['wasi', 'node-wasi', 'wasmer']) {
  describe(`an echo server on the runtime ${runtime}`, () => {
    let sockets: SocketBed;
    before(async () => {
      sockets = await SocketBed.create(runtime);
    });
    after(() => sockets.close());

    it('answers a client, and its half-close by one', async () => {
      const { id, port } = await sockets.serve(await sockets.fixture('echo.wasm'), ['1']);
      const client = await sockets.connect(port);
      client.write('hello ');
      assert.equal(String((await once(client, 'data'))[0]), 'hello ');
      client.end('world');
      assert.equal(String(await everythingFrom(client)), 'world');
      assert.deepEqual((await sockets.bed.ended(id)).exit, { code: 0, reason: 'Completed' });
    });

    it('serves 64 clients at once', async () => {
      const { id, port } = await sockets.serve(await sockets.fixture('echo.wasm'), ['64']);
      const clients = await Promise.all(Array.from({ length: 64 }, () => sockets.connect(port)));
      const texts = clients.map((_, index) => `client ${index} `.repeat(500));
      clients.forEach((client, index) => client.write(texts[index]!));
      clients.toReversed().forEach((client) => client.end());
      const answers = await Promise.all(clients.map(everythingFrom));
      assert.deepEqual(answers.map(String), texts);
      assert.equal((await sockets.bed.ended(id)).exit?.code, 0);
    });
  });
}
