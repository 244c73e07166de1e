import { ComponentFailure } from '../../host/component-failure.ts';
import type { IpAddressFamily, IpSocketAddress } from '../../sockets/address.ts';
import { errorCodeOf, refuse } from '../../sockets/error-code.ts';
import { IpSocket } from '../../sockets/ip-socket.ts';
import type { SocketPolicy } from '../../sockets/socket-policy.ts';
import { UdpPort } from '../../sockets/udp-port.ts';
import { words } from './words.ts';

/** `wasi:sockets/types.udp-socket` 0.3. */
export class UdpSocket extends IpSocket {
  readonly #port: UdpPort;
  #open = true;

  /** @throws `out-of-memory` at the limit of sockets */
  constructor(policy: SocketPolicy, family: IpAddressFamily) {
    super(words, policy, family);
    this.#port = new UdpPort(policy, family, this.options);
  }

  bind(address: IpSocketAddress): void {
    this.attempt(() => this.#port.bind(address));
  }

  connect(address: IpSocketAddress): void {
    this.attempt(() => {
      this.#port.checkRemote(address);
      this.#port.bindAnywhere();
      this.#port.connect(address);
    });
  }

  disconnect(): void {
    this.attempt(() => this.#port.disconnect());
  }

  async send(data: Uint8Array, to: IpSocketAddress | undefined): Promise<void> {
    const sent = Promise.withResolvers<void>();
    this.attempt(() => {
      const destination = this.#port.destinationOf(data, to);
      this.#port.bindAnywhere();
      this.#port.send(data, destination, (error) => (error === null ? sent.resolve() : sent.reject(error)));
    });
    try {
      await sent.promise;
    } catch (error) {
      throw new ComponentFailure(errorCodeOf(error));
    }
  }

  async receive(): Promise<[Uint8Array, IpSocketAddress]> {
    this.context.called();
    if (!this.#port.bound) refuse('invalid-state');
    await this.context.host.blocker.waitLater({ ready: () => !this.#open || this.#port.waiting > 0 });
    const [datagram] = this.#port.receive(1);
    return datagram === undefined ? refuse('invalid-state') : [datagram.data, datagram.remoteAddress];
  }

  getLocalAddress(): IpSocketAddress {
    return this.attempt(() => (this.#port.bound ? this.#port.address : refuse('invalid-state')));
  }

  getRemoteAddress(): IpSocketAddress {
    return this.#port.remote ?? refuse('invalid-state');
  }

  getUnicastHopLimit(): number {
    return this.options.hopLimit;
  }

  setUnicastHopLimit(value: number): void {
    this.attempt(() => {
      this.options.hopLimit = value;
      this.#port.applyHopLimit();
    });
  }

  protected close(): void {
    this.#open = false;
    this.#port.close();
    this.context.host.blocker.wake();
  }
}
