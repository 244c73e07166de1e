import { BoundSocket, Socket } from 'node:net';
import type { GuestListener } from '../../../core/guest/host.ts';
import { DeclaredAcceptor, LoopAcceptor } from './acceptor.ts';
import type { Acceptor, Ends } from './acceptor.ts';
import { anyAddress, hostOf, isRemote, isUnicast, socketAddressOf } from './address.ts';
import type { IpSocketAddress } from './address.ts';
import { refuse } from './error-code.ts';
import { IpSocket } from './ip-socket.ts';

/** What an endpoint asks of its connection, whatever the guest's streams make of it. */
export interface TcpConnection {
  setKeepAlive(enabled: boolean, idleNanoseconds: bigint): void;
  /** What was written is still sent. */
  close(): void;
}

/** Where connections come in, or go out from: a port that the container declares, or one of the guest's own where the node allows that. */
type Port = GuestListener | BoundSocket;

type State<Connection> =
  | { readonly kind: 'unbound' | 'closed' }
  | { readonly kind: 'bound'; readonly port: Port }
  | { readonly kind: 'connecting'; readonly socket: Socket }
  | { readonly kind: 'connected'; readonly connection: Connection }
  | { readonly kind: 'listening'; readonly acceptor: Acceptor };

/** Connections that wait to be accepted; more are refused. */
const largestBacklog = 128;

/**
 * What a `tcp-socket` of `wasi:sockets` is in 0.2 and in 0.3: what it may do in which state, under the policy of the guest's sockets.
 * The versions differ in how a guest waits and in its streams: `Connection` is theirs.
 */
export abstract class TcpEndpoint<Connection extends TcpConnection> extends IpSocket {
  #state: State<Connection> = { kind: 'unbound' };
  #local: IpSocketAddress | undefined;
  #remote: IpSocketAddress | undefined;
  #backlog = largestBacklog;

  /** A declared port is the node's, and stays open for the next socket that is bound to it. */
  bind(address: IpSocketAddress): void {
    this.attempt(() => {
      if (this.#state.kind !== 'unbound') refuse('invalid-state');
      if (!isUnicast(address, this.family)) refuse('invalid-argument');
      const listener = this.policy.declaredAt(address);
      if (listener === undefined) this.#bindOwn(address);
      else {
        this.#local = address;
        this.#state = { kind: 'bound', port: listener };
      }
    });
  }

  getLocalAddress(): IpSocketAddress {
    return this.attempt(() => (this.#state.kind === 'closed' ? undefined : this.#local) ?? refuse('invalid-state'));
  }

  getRemoteAddress(): IpSocketAddress {
    return this.attempt(() => this.#remote ?? refuse('invalid-state'));
  }

  getIsListening(): boolean {
    return this.#state.kind === 'listening';
  }

  setListenBacklogSize(value: bigint): void {
    this.attempt(() => {
      if (value === 0n) refuse('invalid-argument');
      const { kind } = this.#state;
      if (kind === 'connecting' || kind === 'connected') refuse('invalid-state');
      this.#backlog = Number(value < BigInt(largestBacklog) ? value : BigInt(largestBacklog));
    });
  }

  getKeepAliveEnabled(): boolean {
    return this.options.keepAlive;
  }

  setKeepAliveEnabled(value: boolean): void {
    this.#keepAlive(() => (this.options.keepAlive = value));
  }

  getKeepAliveIdleTime(): bigint {
    return this.options.keepAliveIdle;
  }

  setKeepAliveIdleTime(value: bigint): void {
    this.#keepAlive(() => (this.options.keepAliveIdle = value));
  }

  getKeepAliveInterval(): bigint {
    return this.options.keepAliveInterval;
  }

  setKeepAliveInterval(value: bigint): void {
    this.attempt(() => (this.options.keepAliveInterval = value));
  }

  getKeepAliveCount(): number {
    return this.options.keepAliveCount;
  }

  setKeepAliveCount(value: number): void {
    this.attempt(() => (this.options.keepAliveCount = value));
  }

  getHopLimit(): number {
    return this.options.hopLimit;
  }

  setHopLimit(value: number): void {
    this.attempt(() => (this.options.hopLimit = value));
  }

  protected get isBound(): boolean {
    return this.#state.kind === 'bound';
  }

  protected get connection(): Connection | undefined {
    return this.#state.kind === 'connected' ? this.#state.connection : undefined;
  }

  protected get acceptor(): Acceptor | undefined {
    return this.#state.kind === 'listening' ? this.#state.acceptor : undefined;
  }

  /** Begins to connect: the socket's events tell the rest, which ends in `connected` or `close`. */
  protected dial(address: IpSocketAddress): Socket {
    return this.attempt(() => {
      const port = this.#portOrNone();
      if (!isRemote(address, this.family)) refuse('invalid-argument');
      if (port !== undefined && !(port instanceof BoundSocket)) refuse('invalid-state');
      this.policy.mayReach(address);
      const socket = new Socket({ ...(port !== undefined && { handle: port }), allowHalfOpen: true });
      this.#state = { kind: 'connecting', socket };
      socket.connect({ host: hostOf(address), port: address.val.port });
      return socket;
    });
  }

  /** A connection that was dialled or accepted is this endpoint's. */
  protected connected(connection: Connection, { local, remote }: Ends): void {
    this.#state = { kind: 'connected', connection };
    this.#local = socketAddressOf(local);
    this.#remote = socketAddressOf(remote);
    this.#applyKeepAlive();
  }

  /** May it listen? */
  protected checkListen(): void {
    this.attempt(() => this.#portToListenOn());
  }

  /** Accepts connections from now on, on any port when it was not bound. Whoever waits for one is woken. */
  protected startListening(): Acceptor {
    return this.attempt(() => {
      const port = this.#portToListenOn() ?? this.#bindOwn(anyAddress(this.family));
      const acceptor = port instanceof BoundSocket ? new LoopAcceptor(port, this.#backlog, () => this.wake()) : new DeclaredAcceptor(port);
      this.#state = { kind: 'listening', acceptor };
      return acceptor;
    });
  }

  protected wake(): void {
    this.context.host.blocker.wake();
  }

  protected close(): void {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    if (state.kind === 'connected') state.connection.close();
    else if (state.kind === 'connecting') state.socket.destroy();
    else if (state.kind === 'listening') state.acceptor.close();
    else if (state.kind === 'bound' && state.port instanceof BoundSocket) state.port.close();
    this.wake();
  }

  #bindOwn(address: IpSocketAddress): BoundSocket {
    this.policy.mayBind(address);
    const port = new BoundSocket({ host: hostOf(address), port: address.val.port, ipv6Only: this.family === 'ipv6' });
    this.#local = socketAddressOf(port.address());
    this.#state = { kind: 'bound', port };
    return port;
  }

  #portOrNone(): Port | undefined {
    if (this.#state.kind === 'bound') return this.#state.port;
    return this.#state.kind === 'unbound' ? undefined : refuse('invalid-state');
  }

  #portToListenOn(): Port | undefined {
    const port = this.#portOrNone();
    if (port === undefined || port instanceof BoundSocket) this.policy.mayListen();
    return port;
  }

  #keepAlive(change: () => void): void {
    this.attempt(change);
    this.#applyKeepAlive();
  }

  #applyKeepAlive(): void {
    this.connection?.setKeepAlive(this.options.keepAlive, this.options.keepAliveIdle);
  }
}
