import { Server } from 'node:net';
import type { BoundSocket, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SocketAddress } from '../../../../core/api/socket-address.ts';
import type { Blocker, GuestListener } from '../../../../core/guest/host.ts';
import { ConnectionStream } from '../../http/connection-stream.ts';
import { attempt } from '../../sockets/error-code.ts';

export interface Accepted {
  readonly stream: Duplex;
  /** Absent: its peer was gone before it was accepted. */
  readonly ends?: { readonly local: SocketAddress; readonly remote: SocketAddress };
}

/** Where a listening socket's connections come from. */
export interface Acceptor {
  /** The next one; undefined when there will be none. */
  next(): Promise<Accepted | undefined>;
  /** Those that wait are cut. */
  close(): void;
}

/** A port of the guest's own, in the thread's event loop. */
export class LoopAcceptor implements Acceptor {
  readonly #server = new Server({ pauseOnConnect: true, allowHalfOpen: true });
  readonly #waiting: Socket[] = [];
  #over = false;
  #wake = (): void => {};

  /** @throws ComponentFailure of a system error */
  constructor(bound: BoundSocket, backlog: number) {
    this.#server.on('connection', (socket) => {
      if (this.#waiting.length >= backlog) socket.destroy();
      else this.#waiting.push(socket);
      this.#wake();
    });
    this.#server.on('error', () => {
      this.#over = true;
      this.#wake();
    });
    attempt(() => this.#server.listen({ handle: bound, backlog } as Parameters<Server['listen']>[0]));
  }

  async next(): Promise<Accepted | undefined> {
    for (;;) {
      const stream = this.#waiting.shift();
      if (stream !== undefined) return { stream, ...(stream.remoteAddress !== undefined && { ends: endsOf(stream) }) };
      if (this.#over) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#over = true;
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#server.close();
    this.#wake();
  }
}

/** A port that the container declares. It is the node's, and stays open for the next socket that is bound to it. */
export class DeclaredAcceptor implements Acceptor {
  readonly #listener: GuestListener;
  readonly #blocker: Blocker;
  #over = false;

  constructor(listener: GuestListener, blocker: Blocker) {
    this.#listener = listener;
    this.#blocker = blocker;
  }

  async next(): Promise<Accepted | undefined> {
    for (;;) {
      await this.#blocker.waitLater({ ready: () => this.#over || this.#listener.waiting() > 0 });
      if (this.#over) return undefined;
      const connection = this.#listener.accept();
      if (connection !== undefined) return { stream: new ConnectionStream(connection, this.#blocker), ends: connection };
    }
  }

  close(): void {
    this.#over = true;
    this.#blocker.wake();
  }
}

/** Of a socket that is connected. */
export function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): { readonly local: SocketAddress; readonly remote: SocketAddress } {
  return { local: { address: localAddress!, port: localPort! }, remote: { address: remoteAddress!, port: remotePort! } };
}
