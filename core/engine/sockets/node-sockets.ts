import { isIPv6 } from 'node:net';
import type { Clock } from '../../api/clock.ts';
import type { ContainerPort } from '../../api/engine.ts';
import { WasmletError } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { SocketAddress } from '../../api/socket-address.ts';
import { ContainerSockets, ListenError } from './container-sockets.ts';
import type { HostConnection } from './host-connection.ts';

export interface NodeSocketsOptions {
  /** Connections of all guests at once. */
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Who listens: a container and its pod, as its owner knows them. */
export interface PortHolder {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** All sockets of this node's guests: who holds which port, and how many connections there are. */
export class NodeSockets {
  readonly #options: NodeSocketsOptions;
  readonly #open = new Map<ContainerSockets, PortHolder>();
  /** Those of guests that have ended, too, while what they wrote is on its way. */
  readonly #connections = new Set<HostConnection>();

  constructor(options: NodeSocketsOptions) {
    this.#options = options;
  }

  /**
   * Listens for a container. Its owner calls `close` when the guest has ended.
   * @throws WasmletError `PORT_UNAVAILABLE`, which names the port, and the pod that holds it when it is one of this node's
   */
  async listen(ports: readonly ContainerPort[], holder: PortHolder, maxConnections: number): Promise<ContainerSockets> {
    const sockets = new ContainerSockets({
      ports,
      maxConnections,
      ofNode: this.#connections,
      maxOfNode: this.#options.maxConnections,
      clock: this.#options.clock,
      logger: this.#options.logger,
    });
    try {
      await sockets.listen();
    } catch (error) {
      if (error instanceof ListenError) throw new WasmletError('PORT_UNAVAILABLE', this.#explain(error), { cause: error });
      throw error;
    }
    this.#open.set(sockets, holder);
    return sockets;
  }

  /** The guest is over, or is about to be ended. Idempotent. */
  close(sockets: ContainerSockets, how: 'finish' | 'cut'): void {
    if (this.#open.delete(sockets)) sockets.close(how);
  }

  /** Ends whatever is left. */
  stop(): void {
    for (const sockets of this.#open.keys()) this.close(sockets, 'cut');
    for (const connection of this.#connections) connection.cut();
  }

  #explain({ address, code, message }: ListenError): string {
    const where = `TCP port ${address.port} at ${address.address}`;
    switch (code) {
      case 'EADDRINUSE': {
        const holder = this.#holderOf(address);
        return `${where} is in use by ${holder === undefined ? 'another program on this machine' : `container ${holder.container} of pod ${holder.namespace}/${holder.pod}`}`;
      }
      case 'EACCES':
        return `the node may not listen on ${where}: a port below 1024 needs the capability CAP_NET_BIND_SERVICE`;
      case 'EADDRNOTAVAIL':
        return `${where}: this machine does not have that address`;
      default:
        return `${where} cannot be listened on: ${message}`;
    }
  }

  #holderOf(wanted: SocketAddress): PortHolder | undefined {
    for (const [sockets, holder] of this.#open) {
      if (sockets.bound.some(({ addresses }) => addresses.some((held) => clash(held, wanted)))) return holder;
    }
    return undefined;
  }
}

function clash(held: SocketAddress, wanted: SocketAddress): boolean {
  if (held.port !== wanted.port || isIPv6(held.address) !== isIPv6(wanted.address)) return false;
  return held.address === wanted.address || [held, wanted].some(({ address }) => address === '0.0.0.0' || address === '::');
}
