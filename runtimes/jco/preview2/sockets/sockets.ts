import type { NodeTable } from '../../filesystem/open-node.ts';
import type { NetworkPolicy } from '../../network/network-policy.ts';
import type { IpAddressFamily } from '../../sockets/address.ts';
import { SocketPolicy } from '../../sockets/socket-policy.ts';
import type { GuestContext, HostInterfaces } from '../../host/guest-context.ts';
import { IncomingDatagramStream, OutgoingDatagramStream } from './datagram-streams.ts';
import { networkErrorCode } from './error-code.ts';
import { ResolveAddressStream, resolveAddresses } from './name-lookup.ts';
import { Network } from './network.ts';
import { TcpSocket } from './tcp-socket.ts';
import { UdpSocket } from './udp-socket.ts';

/**
 * `wasi:sockets` 0.2, under the network policy: what may not be reached or listened on is `access-denied`, at once. A component that
 * imports these is suspended while it waits, so that the thread's event loop turns (runtimes/jco/prepare/transpile-options.ts).
 */
export function createSockets(context: GuestContext, network: { readonly policy: NetworkPolicy }, table: NodeTable): HostInterfaces {
  const policy = new SocketPolicy(context, network.policy, table);
  return {
    'wasi:sockets/network': { Network, networkErrorCode },
    'wasi:sockets/instance-network': {
      instanceNetwork: () => {
        context.called();
        return new Network(context);
      },
    },
    'wasi:sockets/ip-name-lookup': {
      ResolveAddressStream,
      resolveAddresses: (_network: Network, name: string) => resolveAddresses(context, network.policy, name),
    },
    'wasi:sockets/tcp': { TcpSocket },
    'wasi:sockets/tcp-create-socket': {
      createTcpSocket: (family: IpAddressFamily) => {
        context.called();
        return new TcpSocket(policy, family);
      },
    },
    'wasi:sockets/udp': { UdpSocket, IncomingDatagramStream, OutgoingDatagramStream },
    'wasi:sockets/udp-create-socket': {
      createUdpSocket: (family: IpAddressFamily) => {
        context.called();
        return new UdpSocket(policy, family);
      },
    },
  };
}
