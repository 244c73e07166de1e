import { once } from 'node:events';
import { BoundSocket, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { GuestListener } from '../../../../core/guest/host.ts';
import { HostResource } from '../../host/host-resource.ts';
import { done, drainInto, failedStream, hostStream } from '../guest-streams.ts';
import type { GuestByteStream, HostStream, Outcome } from '../guest-streams.ts';
import { hostOf, isRemote, isUnicast, socketAddressOf } from '../../sockets/address.ts';
import type { IpAddressFamily, IpSocketAddress } from '../../sockets/address.ts';
import { attempt, errorCodeOf, refuse } from '../../sockets/error-code.ts';
import type { ErrorCode } from '../../sockets/error-code.ts';
import type { SocketPolicy } from '../../sockets/socket-policy.ts';
import { SocketOptions } from '../../sockets/socket-options.ts';
import { DeclaredAcceptor, endsOf, LoopAcceptor } from './acceptor.ts';
import type { Accepted, Acceptor } from './acceptor.ts';

type State =
  | { readonly kind: 'unbound' }
  | { readonly kind: 'bound'; readonly bound: BoundSocket }
  /** To a port that the container declares. */
  | { readonly kind: 'declared'; readonly listener: GuestListener }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly stream: Duplex }
  | { readonly kind: 'listening'; readonly acceptor: Acceptor }
  | { readonly kind: 'closed' };

/** Connections that wait to be accepted; more are refused. */
const largestBacklog = 128;

/** `wasi:sockets/types.tcp-socket` 0.3. */
export class TcpSocket extends HostResource {
  readonly #policy: SocketPolicy;
  readonly #family: IpAddressFamily;
  readonly #options: SocketOptions;
  #state: State = { kind: 'unbound' };
  #local: IpSocketAddress | undefined;
  #remote: IpSocketAddress | undefined;
  #backlog = largestBacklog;
  #sent = false;
  #received = false;
  /** The handle, and each stream that is still in use. */
  #holders = 1;

  constructor(policy: SocketPolicy, family: IpAddressFamily, options = new SocketOptions()) {
    super(policy.context);
    policy.opened();
    this.#policy = policy;
    this.#family = family;
    this.#options = options;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#release();
  }

  bind(address: IpSocketAddress): void {
    this.context.called();
    if (this.#state.kind !== 'unbound') refuse('invalid-state');
    if (!isUnicast(address, this.#family)) refuse('invalid-argument');
    const listener = this.#policy.declaredAt(address);
    if (listener === undefined) {
      this.#policy.mayBind(address);
      this.#bind(address);
    } else {
      this.#local = address;
      this.#state = { kind: 'declared', listener };
    }
  }

  async connect(address: IpSocketAddress): Promise<void> {
    this.context.called();
    const { kind } = this.#state;
    if (kind !== 'unbound' && kind !== 'bound') refuse('invalid-state');
    if (!isRemote(address, this.#family)) refuse('invalid-argument');
    this.#policy.mayReach(address);
    const handle = this.#state.kind === 'bound' ? { handle: this.#state.bound } : {};
    this.#state = { kind: 'connecting' };
    const socket = new Socket({ ...handle, allowHalfOpen: true });
    try {
      const connected = once(socket, 'connect');
      socket.connect({ host: hostOf(address), port: address.val.port });
      await connected;
    } catch (error) {
      socket.destroy();
      this.#state = { kind: 'closed' };
      throw attempt(() => {
        throw error;
      });
    }
    this.context.called();
    this.#adopt(socket, endsOf(socket));
  }

  listen(): HostStream<TcpSocket> {
    this.context.called();
    const acceptor = this.#acceptor();
    this.#state = { kind: 'listening', acceptor };
    this.#holders++;
    const [stream] = hostStream<TcpSocket, never>(this.context, {
      pull: async () => {
        const accepted = await acceptor.next();
        return accepted && this.#accepted(accepted);
      },
      failureOf: (error) => {
        throw error;
      },
      close: () => this.#release(),
    });
    return stream;
  }

  async send(data: GuestByteStream): Promise<Outcome<undefined, ErrorCode>> {
    this.context.called();
    const { stream } = this.#state as { readonly stream?: Duplex };
    if (stream === undefined || this.#sent) {
      data[Symbol.dispose]();
      return { tag: 'err', val: { tag: 'invalid-state' } };
    }
    this.#sent = true;
    this.#holders++;
    try {
      await drainInto(data, async (bytes) => {
        this.context.called();
        if (!stream.writable) throw stream.errored ?? Object.assign(new Error('closed'), { code: 'EPIPE' });
        if (!stream.write(bytes)) await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
      });
      if (stream.errored !== null) throw stream.errored;
      if (!stream.destroyed) await new Promise<void>((resolve) => stream.end(() => resolve()));
      return done;
    } catch (error) {
      return { tag: 'err', val: errorCodeOf(error) };
    } finally {
      this.#release();
    }
  }

  receive(): [HostStream<Uint8Array>, Promise<Outcome<undefined, ErrorCode>>] {
    this.context.called();
    const { stream } = this.#state as { readonly stream?: Duplex };
    if (stream === undefined || this.#received) return failedStream({ tag: 'invalid-state' });
    this.#received = true;
    this.#holders++;
    return hostStream<Uint8Array, ErrorCode>(this.context, {
      pull: () => nextPiece(stream),
      failureOf: errorCodeOf,
      close: () => {
        // What still comes is thrown away.
        stream.resume();
        this.#release();
      },
    });
  }

  getLocalAddress(): IpSocketAddress {
    return this.#local ?? refuse('invalid-state');
  }

  getRemoteAddress(): IpSocketAddress {
    return this.#remote ?? refuse('invalid-state');
  }

  getIsListening(): boolean {
    return this.#state.kind === 'listening';
  }

  getAddressFamily(): IpAddressFamily {
    return this.#family;
  }

  setListenBacklogSize(value: bigint): void {
    if (value === 0n) refuse('invalid-argument');
    const { kind } = this.#state;
    if (kind === 'connecting' || kind === 'connected') refuse('invalid-state');
    this.#backlog = Number(value < BigInt(largestBacklog) ? value : BigInt(largestBacklog));
  }

  getKeepAliveEnabled(): boolean {
    return this.#options.keepAlive;
  }

  setKeepAliveEnabled(value: boolean): void {
    this.#options.keepAlive = value;
    this.#applyOptions();
  }

  getKeepAliveIdleTime(): bigint {
    return this.#options.keepAliveIdle;
  }

  setKeepAliveIdleTime(value: bigint): void {
    this.#options.keepAliveIdle = value;
    this.#applyOptions();
  }

  getKeepAliveInterval(): bigint {
    return this.#options.keepAliveInterval;
  }

  setKeepAliveInterval(value: bigint): void {
    this.#options.keepAliveInterval = value;
  }

  getKeepAliveCount(): number {
    return this.#options.keepAliveCount;
  }

  setKeepAliveCount(value: number): void {
    this.#options.keepAliveCount = value;
  }

  getHopLimit(): number {
    return this.#options.hopLimit;
  }

  setHopLimit(value: number): void {
    this.#options.hopLimit = value;
  }

  getReceiveBufferSize(): bigint {
    return this.#options.receiveBuffer;
  }

  setReceiveBufferSize(value: bigint): void {
    this.#options.receiveBuffer = value;
  }

  getSendBufferSize(): bigint {
    return this.#options.sendBuffer;
  }

  setSendBufferSize(value: bigint): void {
    this.#options.sendBuffer = value;
  }

  #bind(address: IpSocketAddress): BoundSocket {
    return attempt(() => {
      const bound = new BoundSocket({ host: hostOf(address), port: address.val.port, ipv6Only: this.#family === 'ipv6' });
      this.#local = socketAddressOf(bound.address());
      this.#state = { kind: 'bound', bound };
      return bound;
    });
  }

  #acceptor(): Acceptor {
    const state = this.#state;
    if (state.kind === 'declared') return new DeclaredAcceptor(state.listener, this.context.host.blocker);
    if (state.kind !== 'unbound' && state.kind !== 'bound') refuse('invalid-state');
    this.#policy.mayListen();
    const bound = state.kind === 'bound' ? state.bound : this.#bind(socketAddressOf({ address: this.#family === 'ipv4' ? '0.0.0.0' : '::', port: 0 }));
    return new LoopAcceptor(bound, this.#backlog);
  }

  #adopt(stream: Duplex, { local, remote }: NonNullable<Accepted['ends']>): void {
    // Whoever uses the stream is told by its state.
    stream.on('error', () => {});
    this.#state = { kind: 'connected', stream };
    this.#local = socketAddressOf(local);
    this.#remote = socketAddressOf(remote);
    this.#applyOptions();
  }

  #accepted({ stream, ends }: Accepted): TcpSocket {
    // Of the class that the guest's instance knows.
    const accepted = new (this.constructor as typeof TcpSocket)(this.#policy, this.#family, this.#options.clone());
    if (ends !== undefined) accepted.#adopt(stream, ends);
    else accepted.#state = { kind: 'closed' };
    return accepted;
  }

  #applyOptions(): void {
    // On a declared port the node's own end decides.
    if (this.#state.kind === 'connected' && this.#state.stream instanceof Socket) this.#state.stream.setKeepAlive(this.#options.keepAlive, Number(this.#options.keepAliveIdle / 1_000_000n));
  }

  #release(): void {
    if (--this.#holders > 0) return;
    const state = this.#state;
    this.#state = { kind: 'closed' };
    if (state.kind === 'bound') state.bound.close();
    // What was sent still arrives.
    else if (state.kind === 'connected') finish(state.stream);
    else if (state.kind === 'listening') state.acceptor.close();
    this.#policy.closed();
  }
}

/** The next bytes; undefined when the peer has ended its direction. @throws the socket's error */
async function nextPiece(socket: Duplex): Promise<Uint8Array | undefined> {
  for (;;) {
    const piece = socket.read() as Uint8Array | null;
    if (piece !== null) return piece;
    if (socket.errored !== null) throw socket.errored;
    if (socket.readableEnded || socket.destroyed) return undefined;
    await new Promise<void>((resolve) => {
      const next = (): void => {
        socket.off('readable', next).off('end', next).off('close', next);
        resolve();
      };
      socket.on('readable', next).on('end', next).on('close', next);
    });
  }
}

/** As `net.Socket.destroySoon`. */
function finish(stream: Duplex): void {
  stream.end(() => stream.destroy());
}
