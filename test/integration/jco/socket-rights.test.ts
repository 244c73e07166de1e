/** What the sockets of wasi:sockets 0.2 and 0.3 take of the node, and what they may not do: the same in both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestTask } from '../../../core/api/runtime.ts';
import { openGuestFiles } from '../../../runtimes/jco/filesystem/guest-files.ts';
import { GuestContext } from '../../../runtimes/jco/host/guest-context.ts';
import { NetworkPolicy } from '../../../runtimes/jco/network/network-policy.ts';
import { Network } from '../../../runtimes/jco/preview2/sockets/network.ts';
import { TcpSocket as TcpSocket02 } from '../../../runtimes/jco/preview2/sockets/tcp-socket.ts';
import { UdpSocket as UdpSocket02 } from '../../../runtimes/jco/preview2/sockets/udp-socket.ts';
import { TcpSocket as TcpSocket03 } from '../../../runtimes/jco/preview3/sockets/tcp-socket.ts';
import { UdpSocket as UdpSocket03 } from '../../../runtimes/jco/preview3/sockets/udp-socket.ts';
import { socketAddressOf } from '../../../runtimes/jco/sockets/address.ts';
import { SocketPolicy } from '../../../runtimes/jco/sockets/socket-policy.ts';
import { TestGuestHost } from '../../support/guest-host.ts';

const loopback = socketAddressOf({ address: '127.0.0.1', port: 0 });
const queueBytes = 256 * 1024;

function guestWith(network: NetworkPolicy, descriptors = 16) {
  const host = new TestGuestHost({ descriptors });
  const context = new GuestContext({} as GuestTask, host, true);
  return { host, context, policy: new SocketPolicy(context, network, openGuestFiles(host).table) };
}

const versions = {
  '0.2': {
    tcp: TcpSocket02,
    udp: UdpSocket02,
    bind: (socket: TcpSocket02 | UdpSocket02, address: typeof loopback, context: GuestContext) => {
      using network = new Network(context);
      socket.startBind(network, address);
      socket.finishBind();
    },
    payload: (code: string): unknown => code,
    limit: 'new-socket-limit',
  },
  '0.3': {
    tcp: TcpSocket03,
    udp: UdpSocket03,
    bind: (socket: TcpSocket03 | UdpSocket03, address: typeof loopback) => socket.bind(address),
    payload: (code: string): unknown => ({ tag: code }),
    limit: 'out-of-memory',
  },
} as const;

for (const [name, version] of Object.entries(versions)) {
  const { payload, limit } = version;
  const bind = version.bind as (socket: object, address: typeof loopback, context: GuestContext) => void;
  const kinds = { tcp: version.tcp, udp: version.udp } as Record<'tcp' | 'udp', new (policy: SocketPolicy, family: 'ipv4') => Disposable>;

  for (const kind of ['tcp', 'udp'] as const) {
    test(`${kind} ${name}: who may reach nobody binds to no port at all`, () => {
      const { context, policy } = guestWith(new NetworkPolicy());
      using socket = new kinds[kind](policy, 'ipv4');
      assert.throws(() => bind(socket, loopback, context), { payload: payload('access-denied') });
    });

    test(`${kind} ${name}: one socket more than the guest may have leaves nothing behind`, () => {
      const { host, policy } = guestWith(new NetworkPolicy({ listen: true }), 1);
      {
        using _first = new kinds[kind](policy, 'ipv4');
        const before = host.budget.bytes;
        assert.throws(() => new kinds[kind](policy, 'ipv4'), { payload: payload(limit) });
        assert.equal(host.budget.bytes, before);
      }
      assert.equal(host.budget.bytes, 0);
      new kinds[kind](policy, 'ipv4')[Symbol.dispose]();
    });
  }

  test(`udp ${name}: the datagrams that may wait for a guest count against its memory`, () => {
    const { host, context, policy } = guestWith(new NetworkPolicy({ listen: true }));
    {
      using socket = new kinds.udp(policy, 'ipv4');
      assert.ok(host.budget.bytes < queueBytes);
      bind(socket, loopback, context);
      assert.ok(host.budget.bytes > queueBytes);
    }
    assert.equal(host.budget.bytes, 0);
  });
}

test('tcp: who listens where another does already is told, whatever it waits for', async () => {
  const { context, policy } = guestWith(new NetworkPolicy({ listen: true }));
  using first = new TcpSocket03(policy, 'ipv4');
  using older = new TcpSocket02(policy, 'ipv4');
  using newer = new TcpSocket03(policy, 'ipv4');
  first.bind(loopback);
  versions['0.2'].bind(older, first.getLocalAddress(), context);
  newer.bind(first.getLocalAddress());
  const connections = first.listen();

  older.startListen();
  older.finishListen();
  await context.waitWhile(() => older.subscribe().pending());
  assert.throws(() => older.accept(), { payload: 'address-in-use' });
  assert.deepEqual(await newer.listen().next(), { done: true, value: undefined });
  await connections.return!();
});
