import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { cutOff } from '../../../core/engine/sockets/host-connection.ts';

/**
 * A handle that is told to reset after its shutdown was queued stays with libuv, and is neither open nor closed for Node, whose
 * `CleanupHandles` then waits for it without end: the process, or the thread, spins when it is to exit.
 */
describe('a connection that is cut off', () => {
  let server: net.Server;
  let client: Socket;
  let socket: Socket;
  beforeEach(async () => {
    server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    [socket] = (await once(server, 'connection')) as [Socket];
  });
  afterEach(() => {
    client.destroy();
    server.close();
  });

  const handles = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  /** `waitForPeer`: it hears of the end by itself. */
  const closed = async (waitForPeer = false): Promise<void> => {
    const clientClosed = new Promise((resolve) => client.once('close', resolve));
    cutOff(socket);
    await once(socket, 'close');
    if (waitForPeer) await clientClosed;
    client.destroy();
    await clientClosed;
    assert.equal(handles(), 0);
  };

  it('leaves no handle behind', async () => {
    const reset = once(client, 'error');
    client.resume();
    await closed(true);
    assert.equal(((await reset)[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
  });

  it('leaves none when its end is under way', async () => {
    socket.end();
    // Node tells libuv of the end in a tick of its own.
    await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));
    await closed();
  });

  it('leaves none when what it had written is still to be sent', async () => {
    client.pause();
    socket.end(Buffer.alloc(32 * 1024 ** 2));
    await closed();
  });
});
