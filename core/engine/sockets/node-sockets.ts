import type { Clock } from '../../api/clock.ts';
import type { ContainerPort } from '../../api/engine.ts';
import { WasmletError } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { SocketAddress } from '../../api/socket-address.ts';
import { clash } from './clash.ts';
import { ContainerSockets, ListenError } from './container-sockets.ts';
import type { HostConnection } from './host-connection.ts';

export interface NodeSocketsOptions {
  /** Connections of all guests at once. */
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A container does not listen there any more. */
  readonly onFreed: (addresses: readonly SocketAddress[]) => void;
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
   * `onHeld` is told the address that another container of this node has.
   * @throws WasmletError `PORT_UNAVAILABLE`, which names the port, and the pod that holds it when it is one of this node's
   */
  async listen(ports: readonly ContainerPort[], holder: PortHolder, maxConnections: number, onHeld: (address: SocketAddress) => void): Promise<ContainerSockets> {
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
      if (!(error instanceof ListenError)) throw error;
      const other = error.code === 'EADDRINUSE' ? this.#holderOf(error.address) : undefined;
      if (other !== undefined) onHeld(error.address);
      throw new WasmletError('PORT_UNAVAILABLE', explain(error, other), { cause: error });
    }
    this.#open.set(sockets, holder);
    return sockets;
  }

  /** The guest is over, or is about to be ended. Idempotent. */
  close(sockets: ContainerSockets, how: 'finish' | 'cut'): void {
    if (!this.#open.delete(sockets)) return;
    const addresses = sockets.bound.flatMap((port) => port.addresses);
    sockets.close(how);
    this.#options.onFreed(addresses);
  }

  /** Ends whatever is left. */
  stop(): void {
    for (const sockets of this.#open.keys()) this.close(sockets, 'cut');
    for (const connection of this.#connections) connection.cut();
  }

  #holderOf(wanted: SocketAddress): PortHolder | undefined {
    for (const [sockets, holder] of this.#open) {
      if (sockets.bound.some(({ addresses }) => addresses.some((held) => clash(held, wanted)))) return holder;
    }
    return undefined;
  }
}

function explain({ address, code, message }: ListenError, holder: PortHolder | undefined): string {
  const where = `TCP port ${address.port} at ${address.address}`;
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is in use by ${holder === undefined ? 'another program on this machine' : `container ${holder.container} of pod ${holder.namespace}/${holder.pod}`}`;
    case 'EACCES':
      return `the node may not listen on ${where}: a port below 1024 needs the capability CAP_NET_BIND_SERVICE`;
    case 'EADDRNOTAVAIL':
      return `${where}: this machine does not have that address`;
    default:
      return `${where} cannot be listened on: ${message}`;
  }
}
