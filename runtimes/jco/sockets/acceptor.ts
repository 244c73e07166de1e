import { Server } from 'node:net';
import type { BoundSocket, Socket } from 'node:net';
import type { SocketAddress } from '../../../core/api/socket-address.ts';
import type { GuestConnection, GuestListener } from '../../../core/guest/host.ts';

/** The two ends of a connection. */
export interface Ends {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

export interface Accepted extends Ends {
  /** In the thread's event loop, or the engine's. */
  readonly link: Socket | GuestConnection;
}

/** Where a listening socket's connections come from. */
export interface Acceptor {
  /** False: `accept` answers undefined, now. */
  readonly waiting: boolean;
  /** The oldest of those that wait; undefined when its peer has gone meanwhile. */
  accept(): Accepted | undefined;
  /** Set: none will come any more. */
  readonly failure?: Error | undefined;
  /** Those that wait are cut. May be called twice. */
  close(): void;
}

/** A port of the guest's own, in the thread's event loop. */
export class LoopAcceptor implements Acceptor {
  readonly #server = new Server({ pauseOnConnect: true, allowHalfOpen: true });
  readonly #waiting: Socket[] = [];
  #failure: Error | undefined;

  /**
   * @param backlog connections that may wait; more are cut
   * @throws a system error; one that comes later is `failure`
   */
  constructor(bound: BoundSocket, backlog: number, onChange: () => void) {
    this.#server.on('connection', (socket) => {
      if (this.#waiting.length >= backlog) socket.destroy();
      else this.#waiting.push(socket);
      onChange();
    });
    this.#server.on('error', (error) => {
      // A single connection that could not be accepted ends nothing.
      if (!this.#server.listening) this.#failure = error;
      onChange();
    });
    this.#server.listen({ handle: bound, backlog } as Parameters<Server['listen']>[0]);
  }

  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  accept(): Accepted | undefined {
    const link = this.#waiting.shift();
    const ends = link && endsOf(link);
    return ends && { link, ...ends };
  }

  close(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#server.close();
  }
}

/** A port that the container declares. It is the node's, and stays open for the next socket that is bound to it. */
export class DeclaredAcceptor implements Acceptor {
  readonly #listener: GuestListener;

  constructor(listener: GuestListener) {
    this.#listener = listener;
  }

  get waiting(): boolean {
    return this.#listener.waiting() > 0;
  }

  accept(): Accepted | undefined {
    const link = this.#listener.accept();
    return link && { link, local: link.local, remote: link.remote };
  }

  close(): void {}
}

/** Undefined when the peer has gone. */
export function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): Ends | undefined {
  if (remoteAddress === undefined) return undefined;
  return { local: { address: localAddress!, port: localPort! }, remote: { address: remoteAddress, port: remotePort! } };
}
