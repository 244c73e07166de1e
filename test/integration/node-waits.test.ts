/** A node that waits for its identity has nothing open but a timer; it must not end for that. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { eventually, startNode } from '../support/wasmlet-process.ts';

it('a node goes on waiting while its certificate request cannot be read', { timeout: 60_000 }, async () => {
  let lists = 0;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://api');
    request.resume();
    response.setHeader('content-type', 'application/json');
    if (pathname === '/version') return void response.end('{}');
    if (request.method === 'POST') return void response.writeHead(201).end('{}');
    lists += 1;
    response.writeHead(500).end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'not now', code: 500 }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-waits-'));
  const bootstrap = path.join(directory, 'bootstrap');
  writeFileSync(bootstrap, JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }],
    users: [{ name: 'u', user: { token: 'abcdef.0123456789abcdef' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }));
  const node = startNode({ directory: path.join(directory, 'node'), name: 'waits', args: ['--bootstrap-kubeconfig', bootstrap, '--kubeconfig', path.join(directory, 'kubeconfig')] });
  let ended: number | null | undefined;
  void node.exited.then((code) => (ended = code));
  try {
    await eventually('it has asked four times', () => lists >= 4 || ended !== undefined, 40);
    assert.equal(ended, undefined, `the node ended\n${node.stderr()}`);
    assert.equal(await node.stop(), 0, node.stderr());
  } finally {
    await node.kill();
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
