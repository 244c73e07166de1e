/** `wasmlet run --publish`: a program that serves TCP, started by hand. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { formatAddress, parsePublishedPort } from '../../core/cli/options/published-ports.ts';
import { socketFixtures } from '../support/socket-bed.ts';
import { executable, repository, wasmlet } from '../support/wasmlet-process.ts';

const server = path.join(socketFixtures, 'echo.wasm');

describe('wasmlet run --publish', { timeout: 60_000 }, () => {
  it('says where it listens, and serves there', async () => {
    const child = spawn(process.execPath, [executable, 'run', '-p', '0', server, '1'], { stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      const exited = once(child, 'exit');
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (piece: string) => (said += piece));
      while (!said.includes('\n')) await once(child.stderr, 'data');
      const [, port] = /^wasmlet: listening on 127\.0\.0\.1:(\d+)\n$/.exec(said) ?? assert.fail(said);
      const client = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true });
      client.end('hello');
      assert.equal(await text(client), 'hello');
      assert.deepEqual(await exited, [0, null]);
      assert.equal(said.trimEnd().split('\n').length, 1, said);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('ends with 128 when the port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const { code, stderr } = await wasmlet(['run', '--publish', String(port), server]);
    holder.close();
    assert.deepEqual([code, stderr], [128, `wasmlet: StartError: TCP port ${port} at 127.0.0.1 is in use by another program on this machine\n`]);
  });

  it('says so when the program cannot accept anything', async () => {
    const { code, stderr } = await wasmlet(['run', '-p', '0', path.join(repository, 'examples/hello/hello.wasm')]);
    assert.equal(code, 0);
    assert.match(stderr, /^wasmlet: nobody listens: this program accepts no connections$/m);
  });

  it('takes a port with or without an address', () => {
    const addresses = ['8080', '0.0.0.0:80', '[::1]:8080', 'localhost:1'].map((given) => formatAddress(parsePublishedPort(given).addresses[0]!));
    assert.deepEqual(addresses, ['127.0.0.1:8080', '0.0.0.0:80', '[::1]:8080', '127.0.0.1:1']);
    for (const wrong of ['', '80:80', '65536', 'host:80', '[127.0.0.1]:80', '::1:80', '-1', '80/udp', '0.0.0.0:']) assert.throws(() => parsePublishedPort(wrong), { code: 'USAGE' }, wrong);
  });
});
