import type { Socket } from 'node:net';
import type { Clock } from '../../api/clock.ts';
import { ByteRingReader, ByteRingWriter, createByteRing } from '../../guest/rings/byte-ring.ts';
import { connectionRingBytes } from '../../guest/sockets/socket-protocol.ts';
import type { ConnectionOffer } from '../../guest/sockets/socket-protocol.ts';

/** How long a peer may take to read what its guest wrote before it closed. */
const lingerMilliseconds = 30_000;

/**
 * The main thread's end of one connection: a socket on one side, a ring in each direction on the other. What a direction
 * holds is bounded: its ring, and as much again in the socket's buffer. Whoever is slow holds the other side back.
 */
export class HostConnection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #memory = { incoming: createByteRing(connectionRingBytes), outgoing: createByteRing(connectionRingBytes) };
  readonly #incoming: ByteRingWriter;
  readonly #outgoing: ByteRingReader;
  /** Received, and without space in the ring. The socket is paused meanwhile. */
  #rest: Uint8Array | undefined;
  /** The peer has ended its direction. */
  #ended = false;
  #closed = false;
  readonly #onGone: () => void;
  /** Neither the guest nor its thread will touch the rings any more. */
  #released = false;
  #cancelLinger: () => void = () => {};

  /** The socket must be paused; nothing is read from it before `begin`. `onGone` is called once, when it is closed and its guest has what it needs. */
  constructor(socket: Socket, options: { readonly clock: Clock; readonly wakeGuest: () => void; readonly onGone: () => void }) {
    this.#socket = socket;
    this.#onGone = options.onGone;
    this.#clock = options.clock;
    this.#incoming = new ByteRingWriter(this.#memory.incoming, options.wakeGuest);
    this.#outgoing = new ByteRingReader(this.#memory.outgoing, options.wakeGuest);
    socket.on('data', (bytes: Uint8Array) => this.#receive(bytes));
    socket.pause();
    socket.on('end', () => {
      // A paused socket may say so while there is a rest.
      this.#ended = true;
      this.#settle();
    });
    socket.on('drain', () => this.#send());
    // What went wrong with a peer is the guest's to see, as the connection's end; 'close' follows.
    socket.on('error', () => {});
    socket.once('close', (failed) => {
      this.#cancelLinger();
      // First: a guest that reads of the end must not find that it can still write.
      this.#outgoing.abandon();
      if (failed) {
        this.#rest = undefined;
        this.#incoming.reset();
      }
      this.#ended = true;
      this.#closed = true;
      this.#settle();
    });
  }

  /** What the guest gets of it. */
  offer(id: number, listener: number): ConnectionOffer {
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = this.#socket;
    return { id, listener, local: { address: localAddress, port: localPort }, remote: { address: remoteAddress, port: remotePort }, ...this.#memory };
  }

  /** The guest has accepted it. */
  begin(): void {
    this.#socket.resume();
  }

  /** The guest has written, read, or ended a direction. */
  look(): void {
    this.#refill();
    this.#send();
  }

  /** The guest has closed it, or has ended by itself: what it wrote is sent, then the connection ends. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#rest = undefined;
    if (this.#closed) {
      this.#settle();
      return;
    }
    this.#socket.resume();
    this.#cancelLinger = this.#clock.after(lingerMilliseconds, () => this.cut());
    this.#send();
    if (this.#socket.writableFinished) this.#socket.destroy();
    else this.#socket.once('finish', () => this.#socket.destroy());
  }

  /** Ends it at once; the peer sees a reset. */
  cut(): void {
    this.#released = true;
    this.#rest = undefined;
    if (this.#closed) this.#settle();
    else cutOff(this.#socket);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#released) return;
    this.#rest = bytes;
    this.#fill();
    if (this.#rest !== undefined) this.#socket.pause();
  }

  #refill(): void {
    if (this.#rest === undefined) return;
    this.#fill();
    this.#settle();
    if (this.#rest === undefined) this.#socket.resume();
  }

  /** Says what is over, once the guest has everything that came before. */
  #settle(): void {
    if (this.#rest !== undefined) return;
    if (this.#ended) this.#incoming.close();
    if (this.#closed) this.#onGone();
  }

  /** Moves as much of the rest as there is space for. */
  #fill(): void {
    while (this.#rest !== undefined) {
      const count = this.#incoming.writable() === -1 ? this.#rest.length : this.#incoming.write(this.#rest);
      if (count === 0) return;
      this.#rest = count === this.#rest.length ? undefined : this.#rest.subarray(count);
    }
  }

  #send(): void {
    while (!this.#socket.writableEnded && !this.#socket.writableNeedDrain) {
      const readable = this.#outgoing.readable();
      if (readable > 0) {
        const bytes = Buffer.allocUnsafe(readable);
        this.#outgoing.read(bytes);
        this.#socket.write(bytes);
      } else if (readable === -1 || this.#released) {
        this.#socket.end();
      } else {
        return;
      }
    }
  }
}

/**
 * Resets a connection at once. One whose end is under way cannot be reset: libuv answers EINVAL (uv_tcp_close_reset), and Node
 * would never close it; it is closed, and what was not sent is dropped.
 */
export function cutOff(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
