import { Socket } from 'node:net';
import type { Wait } from '../../../../core/guest/host.ts';
import { endsOf } from '../../sockets/acceptor.ts';
import type { Accepted, Acceptor } from '../../sockets/acceptor.ts';
import type { IpAddressFamily, IpSocketAddress } from '../../sockets/address.ts';
import type { SocketOptions } from '../../sockets/socket-options.ts';
import type { SocketPolicy } from '../../sockets/socket-policy.ts';
import { TcpEndpoint } from '../../sockets/tcp-endpoint.ts';
import { Pollable } from '../poll.ts';
import { DeclaredConnection, LoopConnection, SharedConnection, SocketInputStream, SocketOutputStream } from './connection.ts';
import type { Connection } from './connection.ts';
import { codeOf, refuse, words } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';
import type { Network } from './network.ts';

/** What has been started and not finished. */
type Unfinished =
  | { readonly kind: 'bind' | 'listen' }
  | { readonly kind: 'connect'; readonly socket: Socket; outcome: 'pending' | 'connected' | { readonly failed: ErrorCode } };

/** `wasi:sockets/tcp.tcp-socket` 0.2: what waits is started, waited for and finished. */
export class TcpSocket extends TcpEndpoint<SharedConnection> {
  #unfinished: Unfinished | undefined;

  /** @throws `new-socket-limit` */
  constructor(policy: SocketPolicy, family: IpAddressFamily, options?: SocketOptions) {
    super(words, policy, family, options);
  }

  startBind(_network: Network, address: IpSocketAddress): void {
    if (this.#unfinished?.kind === 'bind') refuse('concurrency-conflict');
    this.bind(address);
    this.#unfinished = { kind: 'bind' };
  }

  finishBind(): void {
    this.#finish('bind');
  }

  startConnect(_network: Network, address: IpSocketAddress): void {
    if (this.#unfinished !== undefined) refuse(this.#unfinished.kind === 'listen' ? 'invalid-state' : 'concurrency-conflict');
    const socket = this.dial(address);
    const connecting: Unfinished = { kind: 'connect', socket, outcome: 'pending' };
    this.#unfinished = connecting;
    const settle = (outcome: typeof connecting.outcome): void => {
      if (connecting.outcome === 'pending') connecting.outcome = outcome;
      this.wake();
    };
    socket.once('connect', () => settle('connected'));
    socket.once('error', (error) => settle({ failed: codeOf(error) }));
  }

  finishConnect(): [SocketInputStream, SocketOutputStream] {
    if (this.#unfinished?.kind === 'connect' && this.#unfinished.outcome === 'pending') refuse('would-block');
    const { socket, outcome } = this.#finish('connect');
    const ends = endsOf(socket);
    if (outcome === 'connected' && ends !== undefined) return this.#streams({ link: socket, ...ends });
    this.close();
    return refuse(typeof outcome === 'object' ? outcome.failed : 'connection-reset');
  }

  startListen(): void {
    if (this.#unfinished?.kind === 'listen') refuse('concurrency-conflict');
    if (this.#unfinished !== undefined || !this.isBound) refuse('invalid-state');
    this.checkListen();
    this.#unfinished = { kind: 'listen' };
  }

  finishListen(): void {
    this.#finish('listen');
    this.startListening();
  }

  accept(): [TcpSocket, SocketInputStream, SocketOutputStream] {
    this.context.called();
    const acceptor = this.acceptor ?? refuse('invalid-state');
    if (!acceptor.waiting) refuse(acceptor.failure === undefined ? 'would-block' : codeOf(acceptor.failure));
    const socket = new TcpSocket(this.policy, this.family, this.options.clone());
    const accepted = acceptor.accept();
    if (accepted !== undefined) return [socket, ...socket.#streams(accepted)];
    socket[Symbol.dispose]();
    return refuse('connection-aborted');
  }

  localAddress(): IpSocketAddress {
    return this.#unfinished?.kind === 'bind' ? refuse('invalid-state') : this.getLocalAddress();
  }

  remoteAddress(): IpSocketAddress {
    return this.getRemoteAddress();
  }

  isListening(): boolean {
    return this.getIsListening();
  }

  addressFamily(): IpAddressFamily {
    return this.getAddressFamily();
  }

  keepAliveEnabled(): boolean {
    return this.getKeepAliveEnabled();
  }

  keepAliveIdleTime(): bigint {
    return this.getKeepAliveIdleTime();
  }

  keepAliveInterval(): bigint {
    return this.getKeepAliveInterval();
  }

  keepAliveCount(): number {
    return this.getKeepAliveCount();
  }

  hopLimit(): number {
    return this.getHopLimit();
  }

  receiveBufferSize(): bigint {
    return this.getReceiveBufferSize();
  }

  sendBufferSize(): bigint {
    return this.getSendBufferSize();
  }

  subscribe(): Pollable {
    this.context.called();
    const ready = (): boolean => this.#ready();
    return new Pollable(this.context, (): Wait | undefined => (ready() ? undefined : { ready }));
  }

  shutdown(type: 'receive' | 'send' | 'both'): void {
    this.context.called();
    const connection = this.connection ?? refuse('invalid-state');
    if (type !== 'send') connection.shutdown('read');
    if (type !== 'receive') connection.shutdown('write');
  }

  #finish<Kind extends Unfinished['kind']>(kind: Kind): Unfinished & { readonly kind: Kind } {
    this.context.called();
    const unfinished = this.#unfinished;
    if (unfinished?.kind !== kind) refuse('not-in-progress');
    this.#unfinished = undefined;
    return unfinished as Unfinished & { readonly kind: Kind };
  }

  #streams(accepted: Accepted): [SocketInputStream, SocketOutputStream] {
    const connection = new SharedConnection(this.#connectionOf(accepted), this);
    this.connected(connection, accepted);
    return [new SocketInputStream(this.context, connection), new SocketOutputStream(this.context, connection)];
  }

  #connectionOf({ link }: Accepted): Connection {
    return link instanceof Socket ? new LoopConnection(link, () => this.wake()) : new DeclaredConnection(link);
  }

  #ready(): boolean {
    const acceptor: Acceptor | undefined = this.acceptor;
    if (acceptor !== undefined) return acceptor.waiting || acceptor.failure !== undefined;
    return this.#unfinished?.kind !== 'connect' || this.#unfinished.outcome !== 'pending';
  }
}
