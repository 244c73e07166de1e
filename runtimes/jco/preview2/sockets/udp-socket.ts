import type { IpAddressFamily, IpSocketAddress } from '../../sockets/address.ts';
import { IpSocket } from '../../sockets/ip-socket.ts';
import type { SocketPolicy } from '../../sockets/socket-policy.ts';
import { UdpPort } from '../../sockets/udp-port.ts';
import { Pollable } from '../poll.ts';
import { IncomingDatagramStream, OutgoingDatagramStream } from './datagram-streams.ts';
import type { SharedPort } from './datagram-streams.ts';
import { refuse, words } from './error-code.ts';
import type { Network } from './network.ts';

/** `wasi:sockets/udp.udp-socket` 0.2. */
export class UdpSocket extends IpSocket {
  readonly #port: UdpPort;
  #binding = false;

  /** @throws `new-socket-limit` */
  constructor(policy: SocketPolicy, family: IpAddressFamily) {
    super(words, policy, family);
    this.#port = new UdpPort(policy, family, this.options);
  }

  startBind(_network: Network, address: IpSocketAddress): void {
    if (this.#binding) refuse('concurrency-conflict');
    this.attempt(() => this.#port.bind(address));
    this.#binding = true;
  }

  finishBind(): void {
    this.context.called();
    if (!this.#binding) refuse('not-in-progress');
    this.#binding = false;
  }

  stream(remote: IpSocketAddress | undefined): [IncomingDatagramStream, OutgoingDatagramStream] {
    this.#checkBound();
    if (remote !== undefined) this.attempt(() => this.#port.checkRemote(remote));
    this.#port.remote = remote;
    const shared: SharedPort = { port: this.#port, socket: this };
    return [new IncomingDatagramStream(this.context, shared), new OutgoingDatagramStream(this.context, shared)];
  }

  localAddress(): IpSocketAddress {
    this.#checkBound();
    return this.attempt(() => this.#port.address);
  }

  remoteAddress(): IpSocketAddress {
    this.context.called();
    return this.#port.remote ?? refuse('invalid-state');
  }

  addressFamily(): IpAddressFamily {
    return this.getAddressFamily();
  }

  unicastHopLimit(): number {
    return this.options.hopLimit;
  }

  setUnicastHopLimit(value: number): void {
    this.attempt(() => {
      this.options.hopLimit = value;
      this.#port.applyHopLimit();
    });
  }

  receiveBufferSize(): bigint {
    return this.getReceiveBufferSize();
  }

  sendBufferSize(): bigint {
    return this.getSendBufferSize();
  }

  /** Binding is done when it has begun. */
  subscribe(): Pollable {
    this.context.called();
    return new Pollable(this.context, () => undefined);
  }

  protected close(): void {
    this.#port.close();
  }

  #checkBound(): void {
    this.context.called();
    if (this.#binding || !this.#port.bound) refuse('invalid-state');
  }
}
