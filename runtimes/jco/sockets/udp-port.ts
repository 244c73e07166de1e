import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { anyAddress, hostOf, isRemote, isUnicast, sameAddress, socketAddressOf } from './address.ts';
import type { IpAddressFamily, IpSocketAddress } from './address.ts';
import { refuse } from './error-code.ts';
import type { SocketOptions } from './socket-options.ts';
import type { SocketPolicy } from './socket-policy.ts';

/** Bytes of datagrams that wait to be received; more are lost, as UDP's are. They count against the guest's memory limit. */
const largestQueue = 256 * 1024;
/** What a datagram takes beside its bytes. */
const datagramOverhead = 128;
const largestDatagram = 65_507;

export interface Datagram {
  readonly data: Uint8Array;
  readonly remoteAddress: IpSocketAddress;
}

/**
 * A UDP port in the thread's event loop, under the policy of the guest's sockets, as both versions of `wasi:sockets` use it. Whoever
 * waits is woken by every datagram and every failure. What fails throws a system error, or 0.3's `error-code` as ComponentFailure.
 */
export class UdpPort {
  /** The only one that is heard, once set. */
  remote: IpSocketAddress | undefined;
  readonly #policy: SocketPolicy;
  readonly #family: IpAddressFamily;
  readonly #options: SocketOptions;
  readonly #socket: Socket;
  readonly #queue: Datagram[] = [];
  #queued = 0;
  #bound = false;
  #connected = false;
  #unsent = 0;
  #failure: Error | undefined;

  constructor(policy: SocketPolicy, family: IpAddressFamily, options: SocketOptions) {
    this.#policy = policy;
    this.#family = family;
    this.#options = options;
    this.#socket = createSocket({ type: family === 'ipv4' ? 'udp4' : 'udp6', ipv6Only: family === 'ipv6' });
    this.#socket.on('message', (data, from) => this.#arrived({ data, remoteAddress: socketAddressOf(from) }));
    // A port unreachable, reported late.
    this.#socket.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  get bound(): boolean {
    return this.#bound;
  }

  /** Datagrams that wait to be received. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Something went wrong since `takeFailure` was called. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  takeFailure(): Error | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  get address(): IpSocketAddress {
    return socketAddressOf(this.#socket.address());
  }

  bind(address: IpSocketAddress): void {
    if (this.#bound) refuse('invalid-state');
    if (!isUnicast(address, this.#family)) refuse('invalid-argument');
    this.#policy.mayBind(address);
    this.#socket.bindSync({ address: hostOf(address), port: address.val.port });
    this.#bound = true;
    this.#policy.context.hold(largestQueue);
    this.applyHopLimit();
  }

  bindAnywhere(): void {
    if (!this.#bound) this.bind(anyAddress(this.#family));
  }

  /** To what is sent from now on. */
  applyHopLimit(): void {
    if (this.#bound) this.#socket.setTTL(this.#options.hopLimit);
  }

  checkRemote(address: IpSocketAddress): void {
    if (!isRemote(address, this.#family)) refuse('invalid-argument');
    this.#policy.mayReach(address);
  }

  /** Sends to `remote` and hears from it alone. */
  connect(remote: IpSocketAddress): void {
    if (this.#connected) this.disconnect();
    this.#socket.connectSync(remote.val.port, hostOf(remote));
    this.#connected = true;
    this.remote = remote;
  }

  disconnect(): void {
    if (!this.#connected) refuse('invalid-state');
    this.#socket.disconnect();
    this.#connected = false;
    this.remote = undefined;
  }

  /** Where a datagram goes that the guest sends: `to`, or the one remote end. */
  destinationOf(data: Uint8Array, to: IpSocketAddress | undefined): IpSocketAddress {
    const address = to ?? this.remote;
    if (address === undefined || !isRemote(address, this.#family)) refuse('invalid-argument');
    if (this.remote !== undefined && !sameAddress(address, this.remote)) refuse('invalid-argument');
    if (data.length > largestDatagram) refuse('datagram-too-large');
    this.#policy.mayReach(address);
    return address;
  }

  /** Datagrams that are on their way to the kernel. */
  get unsent(): number {
    return this.#unsent;
  }

  /** `onSent` is told when the kernel has it, or why not; without it a failure is the port's. */
  send(data: Uint8Array, to: IpSocketAddress, onSent = (error: Error | null): void => { if (error !== null) this.#failure = error; }): void {
    this.#unsent++;
    const settle = (error: Error | null): void => {
      this.#unsent--;
      onSent(error);
      this.#wake();
    };
    if (this.#connected) this.#socket.send(data, settle);
    else this.#socket.send(data, to.val.port, hostOf(to), settle);
  }

  /** At most so many. */
  receive(most: number): Datagram[] {
    const taken = this.#queue.splice(0, most);
    for (const { data } of taken) this.#queued -= data.length + datagramOverhead;
    return taken;
  }

  close(): void {
    this.#socket.close();
    if (this.#bound) this.#policy.context.release(largestQueue);
  }

  #arrived(datagram: Datagram): void {
    if (this.remote !== undefined && !sameAddress(datagram.remoteAddress, this.remote)) return;
    const bytes = datagram.data.length + datagramOverhead;
    if (this.#queued + bytes > largestQueue) return;
    this.#queued += bytes;
    this.#queue.push(datagram);
    this.#wake();
  }

  #wake(): void {
    this.#policy.context.host.blocker.wake();
  }
}
