import { once } from 'node:events';
import { Socket } from 'node:net';
import { ComponentFailure } from '../../host/component-failure.ts';
import { ConnectionStream } from '../../http/connection-stream.ts';
import { endsOf } from '../../sockets/acceptor.ts';
import type { Accepted, Acceptor } from '../../sockets/acceptor.ts';
import type { IpAddressFamily, IpSocketAddress } from '../../sockets/address.ts';
import { errorCodeOf, refuse } from '../../sockets/error-code.ts';
import type { ErrorCode } from '../../sockets/error-code.ts';
import type { SocketOptions } from '../../sockets/socket-options.ts';
import type { SocketPolicy } from '../../sockets/socket-policy.ts';
import { TcpEndpoint } from '../../sockets/tcp-endpoint.ts';
import { done, drainInto, failedStream, hostStream } from '../guest-streams.ts';
import type { GuestByteStream, HostStream, Outcome } from '../guest-streams.ts';
import { StreamConnection } from './stream-connection.ts';
import { words } from './words.ts';

/** `wasi:sockets/types.tcp-socket` 0.3: what waits is a promise or a stream. */
export class TcpSocket extends TcpEndpoint<StreamConnection> {
  #sent = false;
  #received = false;

  /** @throws `out-of-memory` at the limit of sockets */
  constructor(policy: SocketPolicy, family: IpAddressFamily, options?: SocketOptions) {
    super(words, policy, family, options);
  }

  async connect(address: IpSocketAddress): Promise<void> {
    const socket = this.dial(address);
    try {
      await once(socket, 'connect');
    } catch (error) {
      this.close();
      throw new ComponentFailure(errorCodeOf(error));
    }
    this.context.called();
    const ends = endsOf(socket);
    if (ends === undefined) refuse('connection-reset');
    this.connected(new StreamConnection(socket), ends);
  }

  listen(): HostStream<TcpSocket> {
    const acceptor = this.startListening();
    this.hold();
    const [stream] = hostStream<TcpSocket, never>(this.context, {
      pull: () => this.#next(acceptor),
      failureOf: (error) => {
        throw error;
      },
      close: () => this.release(),
    });
    return stream;
  }

  async send(data: GuestByteStream): Promise<Outcome<undefined, ErrorCode>> {
    this.context.called();
    const { connection } = this;
    if (connection === undefined || this.#sent) {
      data[Symbol.dispose]();
      return { tag: 'err', val: { tag: 'invalid-state' } };
    }
    this.#sent = true;
    this.hold();
    try {
      await drainInto(data, (bytes) => {
        this.context.called();
        return connection.write(bytes);
      });
      await connection.endWriting();
      return done;
    } catch (error) {
      return { tag: 'err', val: errorCodeOf(error) };
    } finally {
      this.release();
    }
  }

  receive(): [HostStream<Uint8Array>, Promise<Outcome<undefined, ErrorCode>>] {
    this.context.called();
    const { connection } = this;
    if (connection === undefined || this.#received) return failedStream({ tag: 'invalid-state' });
    this.#received = true;
    this.hold();
    return hostStream<Uint8Array, ErrorCode>(this.context, {
      pull: () => connection.read(),
      failureOf: errorCodeOf,
      close: () => {
        connection.ignoreRest();
        this.release();
      },
    });
  }

  /** Undefined when there will be none any more. */
  async #next(acceptor: Acceptor): Promise<TcpSocket | undefined> {
    const { blocker } = this.context.host;
    const over = (): boolean => this.acceptor === undefined || acceptor.failure !== undefined;
    for (;;) {
      await blocker.waitLater({ ready: () => over() || acceptor.waiting });
      if (over()) return undefined;
      const accepted = acceptor.accept();
      if (accepted !== undefined) return this.#accepted(accepted);
    }
  }

  #accepted({ link, ...ends }: Accepted): TcpSocket {
    // Of the class that the guest's instance knows.
    const socket = new (this.constructor as typeof TcpSocket)(this.policy, this.family, this.options.clone());
    socket.connected(new StreamConnection(link instanceof Socket ? link : new ConnectionStream(link, this.context.host.blocker)), ends);
    return socket;
  }
}
