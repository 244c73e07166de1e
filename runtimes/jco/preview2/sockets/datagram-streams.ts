import { attemptAs, trap } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';
import type { IpSocketAddress } from '../../sockets/address.ts';
import type { IpSocket } from '../../sockets/ip-socket.ts';
import type { Datagram, UdpPort } from '../../sockets/udp-port.ts';
import { Pollable } from '../poll.ts';
import { codeOf, refuse } from './error-code.ts';

/** The most that one call receives. */
const mostReceived = 1024n;
/** Datagrams that may be on their way to the kernel. */
const mostUnsent = 16;

/** A port that a socket and its two streams share: it is closed when the last of them is gone. */
export interface SharedPort {
  readonly port: UdpPort;
  readonly socket: IpSocket;
}

abstract class DatagramStream extends HostResource {
  protected readonly port: UdpPort;
  readonly #socket: IpSocket;

  constructor(context: GuestContext, { port, socket }: SharedPort) {
    super(context);
    this.port = port;
    this.#socket = socket;
    socket.hold();
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#socket.release();
  }

  subscribe(): Pollable {
    this.context.called();
    const ready = (): boolean => this.ready || this.port.failed;
    return new Pollable(this.context, () => (ready() ? undefined : { ready }));
  }

  protected abstract get ready(): boolean;

  /** Once: what went wrong since the last call. */
  protected throwFailure(): void {
    const failure = this.port.takeFailure();
    if (failure !== undefined) refuse(codeOf(failure));
  }
}

/** `wasi:sockets/udp.incoming-datagram-stream`. */
export class IncomingDatagramStream extends DatagramStream {
  receive(most: bigint): Datagram[] {
    this.context.called();
    if (this.port.waiting === 0) this.throwFailure();
    return this.port.receive(Number(most < mostReceived ? most : mostReceived));
  }

  protected get ready(): boolean {
    return this.port.waiting > 0;
  }
}

/** `wasi:sockets/udp.outgoing-datagram-stream`. */
export class OutgoingDatagramStream extends DatagramStream {
  #permitted = 0;

  checkSend(): bigint {
    this.context.called();
    this.throwFailure();
    this.#permitted = Math.max(0, mostUnsent - this.port.unsent);
    return BigInt(this.#permitted);
  }

  send(datagrams: readonly { readonly data: Uint8Array; readonly remoteAddress: IpSocketAddress | undefined }[]): bigint {
    this.context.called();
    if (datagrams.length > this.#permitted) trap('send of more datagrams than check-send permitted');
    this.#permitted = 0;
    let sent = 0n;
    for (const { data, remoteAddress } of datagrams) {
      try {
        attemptAs(codeOf, () => this.port.send(data, this.port.destinationOf(data, remoteAddress)));
      } catch (error) {
        if (sent === 0n) throw error;
        break;
      }
      sent++;
    }
    return sent;
  }

  protected get ready(): boolean {
    return this.port.unsent < mostUnsent;
  }
}
