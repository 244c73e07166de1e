/** wasi:sockets 0.3 on a port that the pod declares: the guest's sockets on the engine's, in one thread. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { GuestTask } from '../../../core/api/runtime.ts';
import { ContainerSockets } from '../../../core/engine/sockets/container-sockets.ts';
import { createGuestListeners } from '../../../core/guest/sockets/guest-sockets.ts';
import { createLogger } from '../../../core/telemetry/logger.ts';
import { systemClock } from '../../../core/telemetry/system-clock.ts';
import { NetworkPolicy } from '../../../runtimes/jco/network/network-policy.ts';
import { GuestContext } from '../../../runtimes/jco/host/guest-context.ts';
import { socketAddressOf } from '../../../runtimes/jco/sockets/address.ts';
import { SocketPolicy } from '../../../runtimes/jco/sockets/socket-policy.ts';
import { openGuestFiles } from '../../../runtimes/jco/filesystem/guest-files.ts';
import { TcpSocket } from '../../../runtimes/jco/preview3/sockets/tcp-socket.ts';
import { TestGuestHost } from '../../support/guest-host.ts';

const declared = socketAddressOf({ address: '0.0.0.0', port: 8080 });
let sockets: ContainerSockets;
let policy: SocketPolicy;
let port: number;

before(async () => {
  sockets = new ContainerSockets({ ports: [{ name: 'web', port: 8080, addresses: [{ address: '127.0.0.1', port: 0 }] }], maxConnections: 8, ofNode: new Set(), maxOfNode: 8, clock: systemClock, logger: createLogger('warn') });
  await sockets.listen();
  port = sockets.bound[0]!.addresses[0]!.port;
  const host = new TestGuestHost({ listeners: createGuestListeners(sockets.order) });
  sockets.connect(() => host.blocker.wake());
  policy = new SocketPolicy(new GuestContext({} as GuestTask, host), new NetworkPolicy(), openGuestFiles(host).table);
});
after(() => sockets.close('cut'));

/** What a guest that echoes does with its next connection. */
async function echoOne(listening: TcpSocket): Promise<void> {
  for await (const accepted of listening.listen()) {
    const [received] = accepted.receive();
    const read = async () => {
      const { value, done = false } = await received.next();
      return { value, done };
    };
    const bytes = { read, [Symbol.dispose]: () => void received.return?.() };
    assert.deepEqual(await accepted.send(bytes), { tag: 'ok', val: undefined });
    assert.deepEqual(accepted.getRemoteAddress().val.address, [127, 0, 0, 1]);
    accepted[Symbol.dispose]();
    return;
  }
}

test('a guest listens on it by number, with nothing allowed, and on no other', async () => {
  const other = new TcpSocket(policy, 'ipv4');
  assert.throws(() => other.bind(socketAddressOf({ address: '0.0.0.0', port: 8081 })), { payload: { tag: 'access-denied' } });
  assert.throws(() => other.listen(), { payload: { tag: 'access-denied' } });

  const sent = 'x'.repeat(300_000);
  // A second socket has it after the first: the port is the node's.
  for (const _ of [1, 2]) {
    const listening = new TcpSocket(policy, 'ipv4');
    listening.bind(declared);
    assert.deepEqual(listening.getLocalAddress(), declared);
    await assert.rejects(listening.connect(socketAddressOf({ address: '192.0.2.1', port: 80 })), { payload: { tag: 'invalid-state' } }, 'it is for what comes in');
    const served = echoOne(listening);
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    client.end(sent);
    assert.equal(await text(client), sent);
    await served;
    listening[Symbol.dispose]();
  }
});

test('whoever is reset by its peer is told', async () => {
  const listening = new TcpSocket(policy, 'ipv4');
  listening.bind(declared);
  const client = connect({ host: '127.0.0.1', port });
  const { value: accepted } = await listening.listen().next() as { value: TcpSocket };
  const [received, ended] = accepted.receive();
  client.write('some', () => client.resetAndDestroy());
  let all = '';
  for await (const piece of received) all += Buffer.from(piece).toString();
  assert.equal(all, 'some');
  assert.deepEqual(await ended, { tag: 'err', val: { tag: 'connection-reset' } });
});
