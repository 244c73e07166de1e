import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { HostResource } from '../../host/host-resource.ts';
import { hostOf, isRemote, isUnicast, sameAddress, socketAddressOf } from '../../sockets/address.ts';
import type { IpAddressFamily, IpSocketAddress } from '../../sockets/address.ts';
import { attempt, refuse } from '../../sockets/error-code.ts';
import { SocketOptions } from '../../sockets/socket-options.ts';
import type { SocketPolicy } from '../../sockets/socket-policy.ts';

/** Bytes of datagrams that wait to be received; more are lost, as UDP's are. */
const largestQueue = 1024 * 1024;
/** What a datagram takes beside its bytes. */
const datagramOverhead = 128;
const largestDatagram = 65_507;

/** `wasi:sockets/types.udp-socket` 0.3. */
export class UdpSocket extends HostResource {
  readonly #policy: SocketPolicy;
  readonly #family: IpAddressFamily;
  readonly #options = new SocketOptions();
  readonly #socket: Socket;
  readonly #queue: { readonly bytes: Uint8Array; readonly from: IpSocketAddress }[] = [];
  #queued = 0;
  #wake = (): void => {};
  #bound = false;
  #open = true;
  #remote: IpSocketAddress | undefined;

  constructor(policy: SocketPolicy, family: IpAddressFamily) {
    super(policy.context);
    policy.opened();
    this.#policy = policy;
    this.#family = family;
    this.#socket = createSocket({ type: family === 'ipv4' ? 'udp4' : 'udp6', ipv6Only: family === 'ipv6' });
    this.#socket.on('message', (bytes, from) => {
      if (this.#queued + bytes.length + datagramOverhead > largestQueue) return;
      this.#queued += bytes.length + datagramOverhead;
      this.#queue.push({ bytes, from: socketAddressOf(from) });
      this.#wake();
    });
    // A port unreachable, reported late: UDP promises nothing.
    this.#socket.on('error', () => {});
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#open = false;
    this.#wake();
    this.#socket.close();
    this.#policy.closed();
  }

  bind(address: IpSocketAddress): void {
    this.context.called();
    if (this.#bound) refuse('invalid-state');
    if (!isUnicast(address, this.#family)) refuse('invalid-argument');
    this.#policy.mayBind(address);
    this.#bind(hostOf(address), address.val.port);
  }

  connect(address: IpSocketAddress): void {
    this.context.called();
    if (!isRemote(address, this.#family)) refuse('invalid-argument');
    this.#policy.mayReach(address);
    this.#bindAnywhere();
    attempt(() => {
      if (this.#remote !== undefined) this.#socket.disconnect();
      this.#remote = undefined;
      this.#socket.connectSync(address.val.port, hostOf(address));
    });
    this.#remote = address;
  }

  disconnect(): void {
    this.context.called();
    if (this.#remote === undefined) refuse('invalid-state');
    attempt(() => this.#socket.disconnect());
    this.#remote = undefined;
  }

  async send(data: Uint8Array, to: IpSocketAddress | undefined): Promise<void> {
    this.context.called();
    const address = to ?? this.#remote;
    if (address === undefined || !isRemote(address, this.#family)) refuse('invalid-argument');
    if (this.#remote !== undefined && !sameAddress(address, this.#remote)) refuse('invalid-argument');
    if (data.length > largestDatagram) refuse('datagram-too-large');
    this.#policy.mayReach(address);
    this.#bindAnywhere();
    const sent = Promise.withResolvers<void>();
    const settle = (error: Error | null): void => (error === null ? sent.resolve() : sent.reject(error));
    attempt(() => (this.#remote === undefined ? this.#socket.send(data, address.val.port, hostOf(address), settle) : this.#socket.send(data, settle)));
    try {
      await sent.promise;
    } catch (error) {
      attempt(() => {
        throw error;
      });
    }
  }

  async receive(): Promise<[Uint8Array, IpSocketAddress]> {
    this.context.called();
    if (!this.#bound) refuse('invalid-state');
    while (this.#open) {
      const next = this.#queue.shift();
      if (next !== undefined) {
        this.#queued -= next.bytes.length + datagramOverhead;
        return [next.bytes, next.from];
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return refuse('invalid-state');
  }

  getLocalAddress(): IpSocketAddress {
    if (!this.#bound) refuse('invalid-state');
    return attempt(() => socketAddressOf(this.#socket.address()));
  }

  getRemoteAddress(): IpSocketAddress {
    return this.#remote ?? refuse('invalid-state');
  }

  getAddressFamily(): IpAddressFamily {
    return this.#family;
  }

  getUnicastHopLimit(): number {
    return this.#options.hopLimit;
  }

  setUnicastHopLimit(value: number): void {
    this.#options.hopLimit = value;
    if (this.#bound) attempt(() => this.#socket.setTTL(value));
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

  #bindAnywhere(): void {
    if (!this.#bound) this.#bind(this.#family === 'ipv4' ? '0.0.0.0' : '::', 0);
  }

  #bind(address: string, port: number): void {
    attempt(() => this.#socket.bindSync({ address, port }));
    this.#bound = true;
    attempt(() => this.#socket.setTTL(this.#options.hopLimit));
  }
}
