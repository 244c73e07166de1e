import { ComponentFailure } from './component-failure.ts';
import type { GuestContext, HostInterfaces } from './guest-context.ts';

/**
 * `wasi:sockets` 0.2, denied. Standard libraries import it into every program, so it must be there; making a socket or
 * resolving a name is `access-denied`, and so no resource with methods ever comes into being.
 */
export function createSockets(context: GuestContext): HostInterfaces {
  class Network {}
  class TcpSocket {}
  class UdpSocket {}
  class IncomingDatagramStream {}
  class OutgoingDatagramStream {}
  class ResolveAddressStream {}
  const denied = (): never => {
    context.called();
    throw new ComponentFailure('access-denied');
  };
  return {
    'wasi:sockets/network': { Network, networkErrorCode: () => undefined },
    'wasi:sockets/instance-network': {
      instanceNetwork: () => {
        context.called();
        return new Network();
      },
    },
    'wasi:sockets/ip-name-lookup': { ResolveAddressStream, resolveAddresses: denied },
    'wasi:sockets/tcp': { TcpSocket },
    'wasi:sockets/tcp-create-socket': { createTcpSocket: denied },
    'wasi:sockets/udp': { UdpSocket, IncomingDatagramStream, OutgoingDatagramStream },
    'wasi:sockets/udp-create-socket': { createUdpSocket: denied },
  };
}
