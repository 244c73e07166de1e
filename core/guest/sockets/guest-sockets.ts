import { receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { ByteRingReader, ByteRingWriter } from '../rings/byte-ring.ts';
import { FileError } from '../files/file-error.ts';
import type { GuestConnection, GuestListener, Wait } from '../host.ts';
import type { SocketAddress } from '../../api/socket-address.ts';
import type { ConnectionOffer, SocketOrder, SocketRequest } from './socket-protocol.ts';

/** A guest's listeners, over the engine's port. A guest without ports has none. */
export function createGuestListeners(order: SocketOrder | undefined): readonly GuestListener[] {
  if (order === undefined) return [];
  const { port } = order;
  const listeners = order.listeners.map((declared, index) => new PortListener(declared, index, port, takeOffers));
  function takeOffers(): void {
    for (let news = receiveMessageOnPort(port); news !== undefined; news = receiveMessageOnPort(port)) {
      const offer = news.message as ConnectionOffer;
      listeners[offer.listener]!.offer(offer);
    }
  }
  return listeners;
}

class PortListener implements GuestListener {
  readonly name: string;
  readonly port: number;
  readonly #index: number;
  readonly #messages: MessagePort;
  readonly #takeOffers: () => void;
  readonly #waiting: ConnectionOffer[] = [];

  constructor({ name, port }: { name: string; port: number }, index: number, messages: MessagePort, takeOffers: () => void) {
    this.name = name;
    this.port = port;
    this.#index = index;
    this.#messages = messages;
    this.#takeOffers = takeOffers;
  }

  offer(offer: ConnectionOffer): void {
    this.#waiting.push(offer);
  }

  waiting(): number {
    this.#takeOffers();
    return this.#waiting.length;
  }

  accept(): GuestConnection | undefined {
    this.#takeOffers();
    const offer = this.#waiting.shift();
    if (offer === undefined) return undefined;
    this.#messages.postMessage({ kind: 'accepted', id: offer.id } satisfies SocketRequest);
    return new RingConnection(offer, this.#messages);
  }

  close(): void {
    // Those that wait are cut by the main thread.
    this.#messages.postMessage({ kind: 'listener-closed', listener: this.#index } satisfies SocketRequest);
  }
}

class RingConnection implements GuestConnection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #id: number;
  readonly #messages: MessagePort;
  readonly #incoming: ByteRingReader;
  readonly #outgoing: ByteRingWriter;
  /** The guest reads no more. */
  #deaf = false;

  constructor({ id, local, remote, incoming, outgoing }: ConnectionOffer, messages: MessagePort) {
    const askToLook = (): void => messages.postMessage({ kind: 'look', id } satisfies SocketRequest);
    this.local = local;
    this.remote = remote;
    this.#id = id;
    this.#messages = messages;
    this.#incoming = new ByteRingReader(incoming, askToLook);
    this.#outgoing = new ByteRingWriter(outgoing, askToLook);
  }

  read(target: Uint8Array, peek = false): number | Wait {
    if (target.length === 0) return 0;
    const readable = this.readable();
    if (readable === 0) return { ready: () => this.readable() !== 0 };
    if (readable === -1) {
      if (!this.#deaf && this.#incoming.reset) throw new FileError('ECONNRESET');
      return 0;
    }
    return peek ? this.#incoming.peek(target) : this.#incoming.read(target);
  }

  readable(): number {
    return this.#deaf ? -1 : this.#incoming.readable();
  }

  write(bytes: Uint8Array): number | Wait {
    if (this.writable() === -1) throw new FileError('EPIPE');
    if (bytes.length === 0) return 0;
    const count = this.#outgoing.write(bytes);
    return count > 0 ? count : { ready: () => this.writable() !== 0 };
  }

  writable(): number {
    return this.#outgoing.closed ? -1 : this.#outgoing.writable();
  }

  shutdown(direction: 'read' | 'write'): void {
    if (direction === 'write') {
      this.#outgoing.close();
    } else {
      this.#deaf = true;
      this.#incoming.abandon();
    }
  }

  close(): void {
    this.#messages.postMessage({ kind: 'closed', id: this.#id } satisfies SocketRequest);
  }
}
