import { BoundSocket, Server, Socket } from 'node:net';
import type { GuestListener, Wait } from '../../../../core/guest/host.ts';
import { hostOf, isRemote, isUnicast, socketAddressOf } from '../../sockets/address.ts';
import type { IpAddressFamily, IpSocketAddress } from '../../sockets/address.ts';
import { SocketOptions } from '../../sockets/socket-options.ts';
import type { SocketPolicy } from '../../sockets/socket-policy.ts';
import { HostResource } from '../../host/host-resource.ts';
import { Pollable } from '../poll.ts';
import { ConnectionHolders, DeclaredConnection, LoopConnection, SocketInputStream, SocketOutputStream } from './connection.ts';
import type { Connection } from './connection.ts';
import { attempt, codeOf, refuse } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';

/** Where connections come in: a port that the container declares, or one of the guest's own where the node allows that. */
type Port = { readonly declared: GuestListener } | { readonly bound: BoundSocket };

type State =
  | { readonly kind: 'unbound' }
  | { readonly kind: 'binding' | 'bound' | 'listen-starting'; readonly port: Port }
  | { readonly kind: 'connecting'; readonly socket: Socket; outcome: 'pending' | 'connected' | { readonly failed: ErrorCode } }
  | { readonly kind: 'connected'; readonly held: ConnectionHolders }
  | { readonly kind: 'listening'; readonly port: Port; readonly server: Server | undefined; readonly waiting: Socket[] }
  | { readonly kind: 'closed' };

const largestBacklog = 128;

/** `wasi:sockets/network.network`. */
export class Network extends HostResource {}

/** `wasi:sockets/tcp.tcp-socket` 0.2. */
export class TcpSocket extends HostResource {
  readonly #policy: SocketPolicy;
  readonly #family: IpAddressFamily;
  readonly #options: SocketOptions;
  #state: State = { kind: 'unbound' };
  #local: IpSocketAddress | undefined;
  #remote: IpSocketAddress | undefined;
  #backlog = largestBacklog;

  /** @throws `new-socket-limit` */
  constructor(policy: SocketPolicy, family: IpAddressFamily, options = new SocketOptions()) {
    super(policy.context);
    try {
      policy.opened();
    } catch {
      super[Symbol.dispose]();
      refuse('new-socket-limit');
    }
    this.#policy = policy;
    this.#family = family;
    this.#options = options;
  }

  startBind(_network: Network, address: IpSocketAddress): void {
    this.context.called();
    const { kind } = this.#state;
    if (kind === 'binding') refuse('concurrency-conflict');
    if (kind !== 'unbound') refuse('invalid-state');
    if (!isUnicast(address, this.#family)) refuse('invalid-argument');
    this.#state = { kind: 'binding', port: this.#portAt(address) };
  }

  finishBind(): void {
    this.context.called();
    if (this.#state.kind !== 'binding') refuse('not-in-progress');
    this.#state = { kind: 'bound', port: this.#state.port };
  }

  startConnect(_network: Network, address: IpSocketAddress): void {
    this.context.called();
    const state = this.#state;
    if (state.kind === 'connecting' || state.kind === 'binding') refuse('concurrency-conflict');
    if (state.kind !== 'unbound' && state.kind !== 'bound') refuse('invalid-state');
    if (!isRemote(address, this.#family)) refuse('invalid-argument');
    attempt(() => this.#policy.mayReach(address));
    if (state.kind === 'bound' && !('bound' in state.port)) refuse('invalid-state');
    const handle = state.kind === 'bound' && 'bound' in state.port ? { handle: state.port.bound } : {};
    const socket = new Socket({ ...handle, allowHalfOpen: true });
    const connecting: State = { kind: 'connecting', socket, outcome: 'pending' };
    this.#state = connecting;
    const settle = (outcome: typeof connecting.outcome): void => {
      connecting.outcome = outcome;
      this.#wake();
    };
    socket.once('connect', () => settle('connected'));
    socket.once('error', (error) => {
      if (connecting.outcome === 'pending') settle({ failed: codeOf(error) });
    });
    attempt(() => socket.connect({ host: hostOf(address), port: address.val.port }));
  }

  finishConnect(): [SocketInputStream, SocketOutputStream] {
    this.context.called();
    const state = this.#state;
    if (state.kind !== 'connecting') refuse('not-in-progress');
    if (state.outcome === 'pending') refuse('would-block');
    if (state.outcome !== 'connected') {
      state.socket.destroy();
      this.#state = { kind: 'closed' };
      refuse(state.outcome.failed);
    }
    const { socket } = state;
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      this.#state = { kind: 'closed' };
      refuse('connection-reset');
    }
    return this.#connected(new LoopConnection(socket, () => this.#wake()), socketAddressOf({ address: socket.localAddress!, port: socket.localPort! }),
      socketAddressOf({ address: socket.remoteAddress, port: socket.remotePort! }));
  }

  startListen(): void {
    this.context.called();
    const state = this.#state;
    if (state.kind === 'listen-starting') refuse('concurrency-conflict');
    if (state.kind !== 'bound') refuse('invalid-state');
    if ('bound' in state.port) attempt(() => this.#policy.mayListen());
    this.#state = { kind: 'listen-starting', port: state.port };
  }

  finishListen(): void {
    this.context.called();
    const state = this.#state;
    if (state.kind !== 'listen-starting') refuse('not-in-progress');
    const { port } = state;
    if ('declared' in port) {
      this.#state = { kind: 'listening', port, server: undefined, waiting: [] };
      return;
    }
    const server = new Server({ pauseOnConnect: true, allowHalfOpen: true });
    const waiting: Socket[] = [];
    server.on('connection', (socket) => {
      if (waiting.length >= this.#backlog) socket.destroy();
      else waiting.push(socket);
      this.#wake();
    });
    server.on('error', () => this.#wake());
    attempt(() => server.listen({ handle: port.bound, backlog: this.#backlog } as Parameters<Server['listen']>[0]));
    this.#state = { kind: 'listening', port, server, waiting };
  }

  accept(): [TcpSocket, SocketInputStream, SocketOutputStream] {
    this.context.called();
    const state = this.#state;
    if (state.kind !== 'listening') refuse('invalid-state');
    if ('declared' in state.port) {
      if (state.port.declared.waiting() === 0) refuse('would-block');
      const accepted = new TcpSocket(this.#policy, this.#family, this.#options.clone());
      const connection = state.port.declared.accept();
      if (connection === undefined) return accepted.#gone();
      return [accepted, ...accepted.#connected(new DeclaredConnection(connection), socketAddressOf(connection.local), socketAddressOf(connection.remote))];
    }
    if (state.waiting.length === 0) refuse('would-block');
    const accepted = new TcpSocket(this.#policy, this.#family, this.#options.clone());
    const socket = state.waiting.shift()!;
    if (socket.remoteAddress === undefined) return accepted.#gone();
    const [local, remote] = [{ address: socket.localAddress!, port: socket.localPort! }, { address: socket.remoteAddress, port: socket.remotePort! }];
    return [accepted, ...accepted.#connected(new LoopConnection(socket, () => this.#wake()), socketAddressOf(local), socketAddressOf(remote))];
  }

  localAddress(): IpSocketAddress {
    this.context.called();
    const { kind } = this.#state;
    return kind === 'unbound' || kind === 'binding' || kind === 'closed' || this.#local === undefined ? refuse('invalid-state') : this.#local;
  }

  remoteAddress(): IpSocketAddress {
    this.context.called();
    return this.#remote ?? refuse('invalid-state');
  }

  isListening(): boolean {
    return this.#state.kind === 'listening';
  }

  addressFamily(): IpAddressFamily {
    return this.#family;
  }

  setListenBacklogSize(value: bigint): void {
    this.context.called();
    if (value === 0n) refuse('invalid-argument');
    const { kind } = this.#state;
    if (kind === 'connecting' || kind === 'connected') refuse('invalid-state');
    this.#backlog = Number(value < BigInt(largestBacklog) ? value : BigInt(largestBacklog));
  }

  keepAliveEnabled(): boolean {
    return this.#options.keepAlive;
  }

  setKeepAliveEnabled(value: boolean): void {
    this.#set(() => (this.#options.keepAlive = value));
  }

  keepAliveIdleTime(): bigint {
    return this.#options.keepAliveIdle;
  }

  setKeepAliveIdleTime(value: bigint): void {
    this.#set(() => (this.#options.keepAliveIdle = value));
  }

  keepAliveInterval(): bigint {
    return this.#options.keepAliveInterval;
  }

  setKeepAliveInterval(value: bigint): void {
    this.#set(() => (this.#options.keepAliveInterval = value));
  }

  keepAliveCount(): number {
    return this.#options.keepAliveCount;
  }

  setKeepAliveCount(value: number): void {
    this.#set(() => (this.#options.keepAliveCount = value));
  }

  hopLimit(): number {
    return this.#options.hopLimit;
  }

  setHopLimit(value: number): void {
    this.#set(() => (this.#options.hopLimit = value));
  }

  receiveBufferSize(): bigint {
    return this.#options.receiveBuffer;
  }

  setReceiveBufferSize(value: bigint): void {
    this.#set(() => (this.#options.receiveBuffer = value));
  }

  sendBufferSize(): bigint {
    return this.#options.sendBuffer;
  }

  setSendBufferSize(value: bigint): void {
    this.#set(() => (this.#options.sendBuffer = value));
  }

  subscribe(): Pollable {
    this.context.called();
    const ready = (): boolean => this.#ready();
    return new Pollable(this.context, (): Wait | undefined => (ready() ? undefined : { ready }));
  }

  shutdown(type: 'receive' | 'send' | 'both'): void {
    this.context.called();
    if (this.#state.kind !== 'connected') refuse('invalid-state');
    const { connection, shut } = this.#state.held;
    if (type !== 'send' && !shut.read) {
      shut.read = true;
      connection.shutdown('read');
    }
    if (type !== 'receive' && !shut.write) {
      shut.write = true;
      connection.shutdown('write');
    }
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    const state = this.#state;
    this.#state = { kind: 'closed' };
    if (state.kind === 'connected') {
      state.held.release();
      return;
    }
    if (state.kind === 'connecting') state.socket.destroy();
    else if (state.kind === 'listening') {
      for (const socket of state.waiting) socket.destroy();
      state.server?.close();
    } else if ((state.kind === 'bound' || state.kind === 'binding' || state.kind === 'listen-starting') && 'bound' in state.port) state.port.bound.close();
    this.#policy.closed();
  }

  /** A declared port is the node's, and stays open for the next socket that is bound to it. */
  #portAt(address: IpSocketAddress): Port {
    const declared = this.#policy.declaredAt(address);
    if (declared !== undefined) {
      this.#local = address;
      return { declared };
    }
    return attempt(() => {
      if (!this.#policy.network.outgoing) this.#policy.mayListen();
      this.#policy.mayBind(address);
      const bound = new BoundSocket({ host: hostOf(address), port: address.val.port, ipv6Only: this.#family === 'ipv6' });
      this.#local = socketAddressOf(bound.address());
      return { bound };
    });
  }

  #connected(connection: Connection, local: IpSocketAddress, remote: IpSocketAddress): [SocketInputStream, SocketOutputStream] {
    const held = new ConnectionHolders(connection, () => this.#policy.closed());
    this.#state = { kind: 'connected', held };
    [this.#local, this.#remote] = [local, remote];
    this.#apply();
    return [new SocketInputStream(this.context, held), new SocketOutputStream(this.context, held)];
  }

  /** The peer went away before it was accepted. */
  #gone(): never {
    this[Symbol.dispose]();
    return refuse('connection-aborted');
  }

  #ready(): boolean {
    const state = this.#state;
    if (state.kind === 'connecting') return state.outcome !== 'pending';
    if (state.kind !== 'listening') return true;
    return 'declared' in state.port ? state.port.declared.waiting() > 0 : state.waiting.length > 0;
  }

  #set(change: () => void): void {
    this.context.called();
    attempt(change);
    this.#apply();
  }

  #apply(): void {
    if (this.#state.kind === 'connected') this.#state.held.connection.setKeepAlive(this.#options.keepAlive, this.#options.keepAliveIdle);
  }

  #wake(): void {
    this.context.host.blocker.wake();
  }
}

