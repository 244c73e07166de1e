import { Duplex } from 'node:stream';
import type { Blocker, GuestConnection, Wait } from '../../../core/guest/host.ts';

/** The most that is read or written at a time. */
const pieceBytes = 64 * 1024;

/** A connection of the engine's as a stream for `node:http`, which takes any in place of a socket. */
export class ConnectionStream extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #connection: GuestConnection;
  readonly #blocker: Blocker;
  #idleMilliseconds = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(connection: GuestConnection, blocker: Blocker) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.#blocker = blocker;
    this.remoteAddress = connection.remote.address;
    this.remotePort = connection.remote.port;
  }

  /** As `net.Socket`'s: `timeout` is emitted when nothing has moved for so long; 0 ends that. */
  setTimeout(milliseconds: number, listener?: () => void): this {
    if (listener !== undefined) this.once('timeout', listener);
    this.#idleMilliseconds = milliseconds;
    this.#moved();
    return this;
  }

  override _read(): void {
    void this.#receive().catch((error: Error) => this.destroy(error));
  }

  override _write(bytes: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(bytes).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#closed) this.#connection.shutdown('write');
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#idleTimer);
    if (!this.#closed) {
      this.#closed = true;
      this.#connection.close();
    }
    // Those of its waits that are left end.
    this.#blocker.wake();
    done(error);
  }

  async #receive(): Promise<void> {
    const target = Buffer.allocUnsafe(pieceBytes);
    while (!this.#closed) {
      const count = this.#connection.read(target);
      if (typeof count === 'number') {
        this.#moved();
        this.push(count === 0 ? null : target.subarray(0, count));
        return;
      }
      await this.#wait(count);
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let left = bytes; left.length > 0; ) {
      if (this.#closed) throw Object.assign(new Error('the connection was closed'), { code: 'EPIPE' });
      const count = this.#connection.write(left.subarray(0, pieceBytes));
      if (typeof count === 'number') {
        this.#moved();
        left = left.subarray(count);
      } else await this.#wait(count);
    }
  }

  #wait(wait: Wait): Promise<void> {
    return this.#blocker.waitLater({ ...wait, ready: () => this.#closed || wait.ready?.() === true });
  }

  #moved(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = this.#idleMilliseconds === 0 || this.#closed ? undefined : setTimeout(() => this.emit('timeout'), this.#idleMilliseconds);
  }
}
