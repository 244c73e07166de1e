import type { NodeTable } from '../../filesystem/open-node.ts';
import type { NetworkPolicy } from '../../network/network-policy.ts';
import type { GuestContext, HostInterfaces } from '../../host/guest-context.ts';
import type { IpAddress, IpAddressFamily } from '../../sockets/address.ts';
import { lookUp } from '../../sockets/name-lookup.ts';
import { SocketPolicy } from '../../sockets/socket-policy.ts';
import { TcpSocket } from './tcp-socket.ts';
import { UdpSocket } from './udp-socket.ts';

/** `wasi:sockets` 0.3: TCP and UDP of the thread's own event loop, under the network policy. */
export function createSockets(context: GuestContext, network: NetworkPolicy, table: NodeTable): HostInterfaces {
  const policy = new SocketPolicy(context, network, table);
  return {
    'wasi:sockets/types@0.3': {
      TcpSocket: class GuestTcpSocket extends TcpSocket {
        static create(family: IpAddressFamily): TcpSocket {
          context.called();
          return new GuestTcpSocket(policy, family);
        }
      },
      UdpSocket: class GuestUdpSocket extends UdpSocket {
        static create(family: IpAddressFamily): UdpSocket {
          context.called();
          return new GuestUdpSocket(policy, family);
        }
      },
    },
    'wasi:sockets/ip-name-lookup@0.3': {
      resolveAddresses: async (name: string): Promise<IpAddress[]> => {
        context.called();
        return lookUp(network, name);
      },
    },
  };
}
