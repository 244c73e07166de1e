import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import type { Wait } from '../../../../core/guest/host.ts';
import { hostOf, isRemote, isUnicast, sameAddress, socketAddressOf } from '../../sockets/address.ts';
import type { IpAddressFamily, IpSocketAddress } from '../../sockets/address.ts';
import { SocketOptions } from '../../sockets/socket-options.ts';
import type { SocketPolicy } from '../../sockets/socket-policy.ts';
import { trap } from '../../host/component-failure.ts';
import { HostResource } from '../../host/host-resource.ts';
import { Pollable } from '../poll.ts';
import { attempt, codeOf, refuse } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';
import type { Network } from './tcp-socket.ts';

/** Bytes of datagrams that wait to be received; more are lost, as UDP's are. */
const largestQueue = 256 * 1024;
/** What a datagram takes beside its bytes. */
const datagramOverhead = 128;
const largestDatagram = 65_507;
/** Datagrams that may be on their way to the kernel. */
const mostUnsent = 16;

interface Datagram {
  readonly data: Uint8Array;
  readonly remoteAddress: IpSocketAddress;
}

/** What a socket and its streams share. */
class UdpPort {
  readonly policy: SocketPolicy;
  readonly family: IpAddressFamily;
  readonly socket: Socket;
  remote: IpSocketAddress | undefined;
  unsent = 0;
  failure: ErrorCode | undefined;
  readonly #queue: Datagram[] = [];
  #queued = 0;
  #holders = 1;

  constructor(policy: SocketPolicy, family: IpAddressFamily) {
    this.policy = policy;
    this.family = family;
    this.socket = createSocket({ type: family === 'ipv4' ? 'udp4' : 'udp6', ipv6Only: family === 'ipv6' });
    this.socket.on('message', (data, from) => {
      const remoteAddress = socketAddressOf(from);
      if (this.remote !== undefined && !sameAddress(remoteAddress, this.remote)) return;
      if (this.#queued + data.length + datagramOverhead > largestQueue) return;
      this.#queued += data.length + datagramOverhead;
      this.#queue.push({ data, remoteAddress });
      this.wake();
    });
    // A port unreachable, reported late: told with the next call.
    this.socket.on('error', (error) => {
      this.failure = codeOf(error);
      this.wake();
    });
  }

  get waiting(): number {
    return this.#queue.length;
  }

  receive(most: bigint): Datagram[] {
    const taken = this.#queue.splice(0, Number(most < 1024n ? most : 1024n));
    for (const { data } of taken) this.#queued -= data.length + datagramOverhead;
    return taken;
  }

  send(data: Uint8Array, to: IpSocketAddress): void {
    this.unsent++;
    this.socket.send(data, to.val.port, hostOf(to), (error) => {
      this.unsent--;
      if (error !== null) this.failure = codeOf(error);
      this.wake();
    });
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders > 0) return;
    this.socket.close();
    this.policy.closed();
  }

  wake(): void {
    this.policy.context.host.blocker.wake();
  }

  /** Once: what went wrong since the last call. */
  throwFailure(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) refuse(failure);
  }
}

function pollableOf(port: UdpPort, ready: () => boolean): Pollable {
  const { context } = port.policy;
  context.called();
  return new Pollable(context, (): Wait | undefined => (ready() ? undefined : { ready }));
}

/** `wasi:sockets/udp.incoming-datagram-stream`. */
export class IncomingDatagramStream extends HostResource {
  readonly #port: UdpPort;

  constructor(port: UdpPort) {
    super(port.policy.context, largestQueue);
    this.#port = port.hold();
  }

  receive(most: bigint): Datagram[] {
    this.context.called();
    if (this.#port.waiting === 0) this.#port.throwFailure();
    return this.#port.receive(most);
  }

  subscribe(): Pollable {
    return pollableOf(this.#port, () => this.#port.waiting > 0 || this.#port.failure !== undefined);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#port.release();
  }
}

/** `wasi:sockets/udp.outgoing-datagram-stream`. */
export class OutgoingDatagramStream extends HostResource {
  readonly #port: UdpPort;
  #permitted = 0;

  constructor(port: UdpPort) {
    super(port.policy.context);
    this.#port = port.hold();
  }

  checkSend(): bigint {
    this.context.called();
    this.#port.throwFailure();
    this.#permitted = Math.max(0, mostUnsent - this.#port.unsent);
    return BigInt(this.#permitted);
  }

  send(datagrams: readonly { readonly data: Uint8Array; readonly remoteAddress: IpSocketAddress | undefined }[]): bigint {
    this.context.called();
    if (datagrams.length > this.#permitted) trap('send of more datagrams than check-send permitted');
    this.#permitted = 0;
    let sent = 0n;
    for (const { data, remoteAddress } of datagrams) {
      try {
        attempt(() => this.#sendOne(data, remoteAddress));
      } catch (error) {
        if (sent === 0n) throw error;
        break;
      }
      sent++;
    }
    return sent;
  }

  subscribe(): Pollable {
    return pollableOf(this.#port, () => this.#port.unsent < mostUnsent || this.#port.failure !== undefined);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#port.release();
  }

  #sendOne(data: Uint8Array, to: IpSocketAddress | undefined): void {
    const { remote, family, policy } = this.#port;
    const address = to ?? remote;
    if (address === undefined || !isRemote(address, family)) refuse('invalid-argument');
    if (remote !== undefined && !sameAddress(address, remote)) refuse('invalid-argument');
    if (data.length > largestDatagram) refuse('datagram-too-large');
    policy.mayReach(address);
    this.#port.send(data, address);
  }
}

/** `wasi:sockets/udp.udp-socket` 0.2. */
export class UdpSocket extends HostResource {
  readonly #policy: SocketPolicy;
  readonly #family: IpAddressFamily;
  readonly #options = new SocketOptions();
  #port: UdpPort | undefined;
  #bound = false;

  /** @throws `new-socket-limit` */
  constructor(policy: SocketPolicy, family: IpAddressFamily) {
    super(policy.context);
    try {
      policy.opened();
    } catch {
      super[Symbol.dispose]();
      refuse('new-socket-limit');
    }
    this.#policy = policy;
    this.#family = family;
  }

  startBind(_network: Network, address: IpSocketAddress): void {
    this.context.called();
    if (this.#port !== undefined) refuse(this.#bound ? 'invalid-state' : 'concurrency-conflict');
    if (!isUnicast(address, this.#family)) refuse('invalid-argument');
    attempt(() => {
      if (!this.#policy.network.outgoing) this.#policy.mayListen();
      this.#policy.mayBind(address);
      const port = new UdpPort(this.#policy, this.#family);
      try {
        port.socket.bindSync({ address: hostOf(address), port: address.val.port });
      } catch (error) {
        port.socket.close();
        throw error;
      }
      this.#port = port;
    });
  }

  finishBind(): void {
    this.context.called();
    if (this.#port === undefined || this.#bound) refuse('not-in-progress');
    this.#bound = true;
    attempt(() => this.#port!.socket.setTTL(this.#options.hopLimit));
  }

  stream(remote: IpSocketAddress | undefined): [IncomingDatagramStream, OutgoingDatagramStream] {
    this.context.called();
    if (this.#port === undefined || !this.#bound) refuse('invalid-state');
    if (remote !== undefined) {
      if (!isRemote(remote, this.#family)) refuse('invalid-argument');
      attempt(() => this.#policy.mayReach(remote));
    }
    this.#port.remote = remote;
    return [new IncomingDatagramStream(this.#port), new OutgoingDatagramStream(this.#port)];
  }

  localAddress(): IpSocketAddress {
    this.context.called();
    if (this.#port === undefined || !this.#bound) refuse('invalid-state');
    return attempt(() => socketAddressOf(this.#port!.socket.address()));
  }

  remoteAddress(): IpSocketAddress {
    this.context.called();
    return this.#port?.remote ?? refuse('invalid-state');
  }

  addressFamily(): IpAddressFamily {
    return this.#family;
  }

  unicastHopLimit(): number {
    return this.#options.hopLimit;
  }

  setUnicastHopLimit(value: number): void {
    this.context.called();
    attempt(() => {
      this.#options.hopLimit = value;
      if (this.#bound) this.#port!.socket.setTTL(value);
    });
  }

  receiveBufferSize(): bigint {
    return this.#options.receiveBuffer;
  }

  setReceiveBufferSize(value: bigint): void {
    attempt(() => (this.#options.receiveBuffer = value));
  }

  sendBufferSize(): bigint {
    return this.#options.sendBuffer;
  }

  setSendBufferSize(value: bigint): void {
    attempt(() => (this.#options.sendBuffer = value));
  }

  /** Binding is done when it has begun. */
  subscribe(): Pollable {
    this.context.called();
    return new Pollable(this.context, () => undefined);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    if (this.#port !== undefined) this.#port.release();
    else this.#policy.closed();
  }
}
