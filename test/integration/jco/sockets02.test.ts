/** wasi:sockets 0.2 on a port that the pod declares, and with nothing allowed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { JcoBed } from './jco-bed.ts';

let bed: JcoBed;
before(async () => {
  bed = await JcoBed.create();
});
after(() => bed.close());

test('a guest listens on the port that its container declares', async () => {
  const config = { runtime: 'jco', argv: ['guest', 'tcp-serve', '0', '8080'], ports: [{ name: 'web', port: 8080, addresses: [{ address: '127.0.0.1', port: 0 }] }] };
  const id = await bed.engine.start(await bed.artifact('sockets'), config);
  await bed.engine.logged(id, /listening: true/);
  const client = connect({ host: '127.0.0.1', port: bed.engine.observe(id).ports![0]!.addresses[0]!.port });
  await once(client, 'connect');
  const sent = 'x'.repeat(300_000);
  client.end(sent);
  const echoed = Buffer.concat(await Array.fromAsync(client)).toString();
  assert.equal(echoed, sent);
  assert.deepEqual((await bed.engine.ended(id)).exit, { code: 0, reason: 'Completed' });
  assert.match(await bed.engine.log(id), /accept: ok\n(.*\n)*.*echoed: 300000/);
});

test('without a setting of the node\'s a guest reaches nobody and asks nobody', async () => {
  const echo = await bed.run('sockets', { argv: ['guest', 'tcp-echo', '9'] });
  assert.match(echo.stdout, /^start-connect: access-denied/);
  assert.match((await bed.run('sockets', { argv: ['guest', 'udp-echo', '9'] })).stdout, /^start-bind: access-denied/);
  assert.match((await bed.run('sockets', { argv: ['guest', 'lookup-name'] })).stdout, /^localhost: access-denied/);
  const http = await bed.run('http', { argv: ['guest', 'refused', '127.0.0.1:9', '127.0.0.1:9'] });
  assert.equal(http.stdout, 'error: HTTP-request-denied\n');
});
