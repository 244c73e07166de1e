import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { ContainerPort } from '../../api/engine.ts';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { SocketAddress } from '../../api/socket-address.ts';
import type { SocketOrder, SocketRequest } from '../../guest/sockets/socket-protocol.ts';
import { cutOff, HostConnection } from './host-connection.ts';

/** Connections that may wait for a guest to accept them, over all of its ports; beyond them a peer is reset. */
const backlog = 128;

export interface ContainerSocketsOptions {
  readonly ports: readonly ContainerPort[];
  /** Connections that the guest may have at once, accepted or not. */
  readonly maxConnections: number;
  /** All connections of the node's guests, and how many there may be. */
  readonly ofNode: Set<HostConnection>;
  readonly maxOfNode: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The sockets of one container, from before its guest begins until after it has ended. The guest sees rings and messages
 * (core/guest/sockets); whatever becomes of its thread, everything is closed from here.
 */
export class ContainerSockets {
  /** For the guest's order. */
  readonly order: SocketOrder;
  readonly #options: ContainerSocketsOptions;
  readonly #messages: MessagePort;
  /** By the port's index. */
  readonly #servers: Server[][];
  /** Those that the guest has accepted, and those that wait for it, with their listener's index. */
  readonly #connections = new Map<number, HostConnection>();
  readonly #waiting = new Map<number, number>();
  #wakeGuest: () => void = () => {};
  #ids = 0;

  constructor(options: ContainerSocketsOptions) {
    const { port1, port2 } = new MessageChannel();
    this.#options = options;
    this.#messages = port1;
    this.#servers = options.ports.map(() => []);
    this.order = { port: port2, listeners: options.ports.map(({ name, port }) => ({ name, port })) };
    port1.on('message', (request: SocketRequest) => this.#serve(request));
  }

  /** Listens on every address. Rejects with the system's error and the address that it is about, and nothing is left. */
  async listen(): Promise<void> {
    const all = this.#options.ports.flatMap(({ addresses }, listener) => addresses.map((address) => ({ listener, address })));
    const outcomes = await Promise.allSettled(all.map(({ listener, address }) => this.#listenAt(listener, address)));
    const failed = outcomes.findIndex(({ status }) => status === 'rejected');
    if (failed === -1) return;
    this.close('cut');
    throw new ListenError(all[failed]!.address, (outcomes[failed] as PromiseRejectedResult).reason as NodeJS.ErrnoException);
  }

  /** The ports with the addresses that are really listened on. */
  get bound(): readonly ContainerPort[] {
    return this.#options.ports.map((port, listener) => ({
      ...port,
      addresses: this.#servers[listener]!.flatMap((server) => {
        const address = server.address() as AddressInfo | null;
        return address === null ? [] : [{ address: address.address, port: address.port }];
      }),
    }));
  }

  /** From now on the guest is woken when there is something new for it. */
  connect(wakeGuest: () => void): void {
    this.#wakeGuest = wakeGuest;
    wakeGuest();
  }

  /**
   * The guest is over, or is about to be ended: what it still does to its sockets has no effect. `finish`: what it wrote is
   * sent before its connections end. `cut`: they are reset. The ports are free when this returns.
   */
  close(how: 'finish' | 'cut'): void {
    // What the guest said last may not have been heard yet: an accepted connection is not one that waits.
    for (let last = receiveMessageOnPort(this.#messages); last !== undefined; last = receiveMessageOnPort(this.#messages)) this.#serve(last.message as SocketRequest);
    for (const listener of this.#servers.keys()) this.#closeListener(listener);
    for (const connection of this.#connections.values()) {
      if (how === 'finish') connection.release();
      else connection.cut();
    }
    this.#messages.close();
  }

  async #listenAt(listener: number, { address, port }: SocketAddress): Promise<void> {
    // A guest has no socket options to set: what Go and Node do by default is done for it.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => this.#arrive(listener, socket));
    server.listen({ host: address, port, ipv6Only: true, exclusive: true });
    await once(server, 'listening');
    // The machine refused a descriptor: that connection is lost, the port stays.
    server.on('error', (error) => this.#options.logger.warn({ error: messageOf(error), port }, 'a connection could not be taken'));
    this.#servers[listener]!.push(server);
  }

  #arrive(listener: number, socket: Socket): void {
    const { maxConnections, ofNode, maxOfNode, clock } = this.#options;
    if (this.#waiting.size >= backlog || this.#connections.size >= maxConnections || ofNode.size >= maxOfNode) {
      socket.on('error', () => {});
      cutOff(socket);
      return;
    }
    const id = this.#ids++;
    const connection = new HostConnection(socket, {
      clock,
      wakeGuest: () => this.#wakeGuest(),
      onGone: () => {
        this.#connections.delete(id);
        ofNode.delete(connection);
      },
    });
    ofNode.add(connection);
    this.#connections.set(id, connection);
    this.#waiting.set(id, listener);
    this.#messages.postMessage(connection.offer(id, listener));
    this.#wakeGuest();
  }

  #serve(request: SocketRequest): void {
    switch (request.kind) {
      case 'accepted':
        this.#waiting.delete(request.id);
        this.#connections.get(request.id)?.begin();
        return;
      case 'look':
        this.#connections.get(request.id)?.look();
        return;
      case 'closed':
        this.#connections.get(request.id)?.release();
        return;
      case 'listener-closed':
        this.#closeListener(request.listener);
    }
  }

  #closeListener(listener: number): void {
    for (const server of this.#servers[listener]!.splice(0)) server.close();
    for (const [id, of] of this.#waiting) {
      if (of !== listener) continue;
      this.#waiting.delete(id);
      this.#connections.get(id)?.cut();
    }
  }
}

/** Why an address could not be listened on. */
export class ListenError extends Error {
  readonly address: SocketAddress;
  /** `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, … */
  readonly code: string;

  constructor(address: SocketAddress, cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.name = 'ListenError';
    this.address = address;
    this.code = cause.code ?? 'EIO';
  }
}
