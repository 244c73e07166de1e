import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { MessagePort } from 'node:worker_threads';
import { createDedicatedHost } from '../../../core/guest/dedicated/dedicated-host.ts';
import type { GuestOrder } from '../../../core/guest/protocol.ts';
import { rehearse } from '../../../core/guest/dedicated/rehearsal.ts';
import { start } from '../../../runtimes/wasi/thread.ts';

function serving(run: (order: GuestOrder, port: MessagePort) => unknown): (port: MessagePort) => void {
  return (port) => void port.on('message', (order: GuestOrder) => void run(order, port));
}

test('a rehearsal is a command that writes, waits and ends', async () => {
  const calls: string[] = [];
  await rehearse('file:///runtime.js', serving(async (order, port) => {
    assert.equal(order.runtimeUrl, 'file:///runtime.js');
    const { host } = createDedicatedHost(order, () => calls.push('doorbell'), () => calls.push('before the guest'));
    port.postMessage({ kind: 'exit', exit: await start(order.task, host), clean: true });
  }));
  assert.deepEqual(calls, ['before the guest', 'doorbell', 'doorbell']);
});

test('a rehearsal that fails rejects and leaves no port open', async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const rehearsal = rehearse('file:///runtime.js', serving((_order, port) => {
    void once(port, 'close').then(() => resolve());
    port.postMessage({ kind: 'failed', message: 'no such runtime' });
  }));
  await assert.rejects(rehearsal, /no such runtime/);
  await closed;
});
