import type { Socket } from 'node:net';
import type { GuestConnection } from '../../../../core/guest/host.ts';
import { InputStream, OutputStream, closed, largestTransfer } from '../streams.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import type { Wait } from '../../../../core/guest/host.ts';
import type { IpSocket } from '../../sockets/ip-socket.ts';
import type { TcpConnection } from '../../sockets/tcp-endpoint.ts';
import { streamFailure } from './error-code.ts';

/** A TCP connection as the streams use it. */
export interface Connection extends TcpConnection {
  /** At most `length` bytes; undefined when there are none yet; `ended` when the peer has ended its direction. @throws a system error */
  take(length: number): Uint8Array | 'ended' | undefined;
  /** False: `take` would answer undefined. */
  readonly readable: boolean;
  /** How many bytes `write` takes now; -1 when the connection takes none any more. */
  readonly room: number;
  /** No more than `room`. @throws a system error */
  write(bytes: Uint8Array): void;
  /** True when everything written is with the kernel. */
  readonly flushed: boolean;
  shutdown(direction: 'read' | 'write'): void;
}

/** One that was dialled, or accepted on a port of its own: it lives in the thread's event loop. */
export class LoopConnection implements Connection {
  readonly #socket: Socket;

  constructor(socket: Socket, onChange: () => void) {
    this.#socket = socket;
    // Whoever uses it is told by its state.
    socket.on('error', onChange);
    for (const event of ['readable', 'end', 'close', 'drain', 'finish'] as const) socket.on(event, onChange);
  }

  take(length: number): Uint8Array | 'ended' | undefined {
    const available = Math.min(length, this.#socket.readableLength);
    // Without bytes `read` looks for the end.
    const piece = this.#socket.read(available === 0 ? undefined : available) as Uint8Array | null;
    if (piece !== null) return piece;
    if (this.#socket.errored !== null) throw this.#socket.errored;
    return this.#socket.readableEnded || this.#socket.destroyed ? 'ended' : undefined;
  }

  get readable(): boolean {
    const { readableLength, readableEnded, destroyed, errored } = this.#socket;
    if (readableLength > 0 || readableEnded || destroyed || errored !== null) return true;
    // Makes the stream fetch more, and notice its end.
    this.#socket.read(0);
    return this.#socket.readableLength > 0 || this.#socket.readableEnded;
  }

  get room(): number {
    return this.#socket.writable ? Math.max(0, largestTransfer - this.#socket.writableLength) : -1;
  }

  write(bytes: Uint8Array): void {
    if (this.#socket.errored !== null) throw this.#socket.errored;
    this.#socket.write(bytes, () => this.#socket.emit('drain'));
  }

  get flushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  shutdown(direction: 'read' | 'write'): void {
    if (direction === 'write') this.#socket.end();
    else this.#socket.resume();
  }

  setKeepAlive(enabled: boolean, idleNanoseconds: bigint): void {
    this.#socket.setKeepAlive(enabled, Number(idleNanoseconds / 1_000_000n));
  }

  close(): void {
    this.#socket.destroySoon();
  }
}

/** One that the node accepted on a port that the container declares: it comes through rings. */
export class DeclaredConnection implements Connection {
  readonly #connection: GuestConnection;

  constructor(connection: GuestConnection) {
    this.#connection = connection;
  }

  take(length: number): Uint8Array | 'ended' | undefined {
    const target = new Uint8Array(length);
    const count = this.#connection.read(target);
    if (typeof count !== 'number') return undefined;
    return count === 0 ? 'ended' : target.subarray(0, count);
  }

  get readable(): boolean {
    return this.#connection.readable() !== 0;
  }

  get room(): number {
    return Math.min(largestTransfer, this.#connection.writable());
  }

  write(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length; ) {
      const count = this.#connection.write(bytes.subarray(written));
      if (typeof count !== 'number') throw new Error('a connection took less than it said');
      written += count;
    }
  }

  get flushed(): boolean {
    return true;
  }

  shutdown(direction: 'read' | 'write'): void {
    this.#connection.shutdown(direction);
  }

  /** The node's own end decides. */
  setKeepAlive(): void {}

  close(): void {
    this.#connection.close();
  }
}

/** A connection that a socket and its two streams share: it is closed when the last of them is gone. */
export class SharedConnection implements TcpConnection {
  readonly connection: Connection;
  readonly socket: IpSocket;
  readonly shut = { read: false, write: false };

  constructor(connection: Connection, socket: IpSocket) {
    this.connection = connection;
    this.socket = socket;
  }

  setKeepAlive(enabled: boolean, idleNanoseconds: bigint): void {
    this.connection.setKeepAlive(enabled, idleNanoseconds);
  }

  shutdown(direction: 'read' | 'write'): void {
    if (this.shut[direction]) return;
    this.shut[direction] = true;
    this.connection.shutdown(direction);
  }

  close(): void {
    this.connection.close();
  }
}

export class SocketInputStream extends InputStream {
  readonly #shared: SharedConnection;

  constructor(context: GuestContext, shared: SharedConnection) {
    // What has arrived and was not read lies in the host's memory.
    super(context, largestTransfer);
    this.#shared = shared;
    shared.socket.hold();
  }

  protected take(length: number): Uint8Array {
    if (this.#shared.shut.read) throw closed();
    if (length === 0) return new Uint8Array();
    let taken: Uint8Array | 'ended' | undefined;
    try {
      taken = this.#shared.connection.take(length);
    } catch (error) {
      throw streamFailure(this.context, error);
    }
    if (taken === 'ended') throw closed();
    return taken ?? new Uint8Array();
  }

  protected pending(): Wait | undefined {
    const ready = (): boolean => this.#shared.shut.read || this.#shared.connection.readable;
    return ready() ? undefined : { ready };
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#shared.socket.release();
  }
}

export class SocketOutputStream extends OutputStream {
  readonly #shared: SharedConnection;
  #flushing = false;

  constructor(context: GuestContext, shared: SharedConnection) {
    super(context, largestTransfer);
    this.#shared = shared;
    shared.socket.hold();
  }

  protected permit(): number {
    const { connection, shut } = this.#shared;
    const { room } = connection;
    if (shut.write || room < 0) throw closed();
    this.#flushing &&= !connection.flushed;
    return this.#flushing ? 0 : room;
  }

  protected accept(bytes: Uint8Array): void {
    try {
      if (bytes.length > 0) this.#shared.connection.write(bytes);
    } catch (error) {
      throw streamFailure(this.context, error);
    }
  }

  protected deliver(): void {
    if (this.#shared.shut.write || this.#shared.connection.room < 0) throw closed();
    this.#flushing = true;
  }

  protected pending(): Wait | undefined {
    const ready = (): boolean => {
      const { connection, shut } = this.#shared;
      return shut.write || connection.room < 0 || (connection.room > 0 && (!this.#flushing || connection.flushed));
    };
    return ready() ? undefined : { ready };
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#shared.socket.release();
  }
}
