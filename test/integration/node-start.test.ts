/** What keeps a node from starting is said in one line, and ends the process: a supervisor must see it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startNode, wasmlet } from '../support/wasmlet-process.ts';

let directory: string;
before(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-start-'));
  mkdirSync(path.join(directory, 'pods'));
});
after(() => rmSync(directory, { recursive: true, force: true }));

describe('wasmlet node', { timeout: 60_000 }, () => {
  for (const field of ['port', 'healthzPort']) {
    it(`ends when its ${field} is taken`, async () => {
      const holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const { port } = holder.address() as AddressInfo;
      const node = startNode({ directory: path.join(directory, field), name: 'taken', configuration: { [field]: port }, args: ['--standalone', '--manifests', path.join(directory, 'pods')] });
      try {
        assert.equal(await node.exited, 1);
        assert.match(node.stderr(), new RegExp(`^wasmlet: cannot listen: .*127\\.0\\.0\\.1:${port}$`, 'm'));
        assert.doesNotMatch(node.stderr(), /^ +at /m);
      } finally {
        await node.kill();
        holder.close();
      }
    });
  }

  it('wants to know which cluster to join, if any', async () => {
    const { code, stdout, stderr } = await wasmlet(['node', '--root-dir', path.join(directory, 'none')], { env: { WASMLET_KUBECONFIG: '', WASMLET_BOOTSTRAP_KUBECONFIG: '', WASMLET_STANDALONE: 'false', WASMLET_CONFIG: '' } });
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /--bootstrap-kubeconfig FILE .* or --standalone/);
  });

  it('names a kubeconfig that cannot be read', async () => {
    const { code, stderr } = await wasmlet(['node', '--root-dir', path.join(directory, 'unread'), '--kubeconfig', directory]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^wasmlet: kubeconfig ${directory}: `));
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  });
});
