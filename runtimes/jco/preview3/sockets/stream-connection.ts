import { once } from 'node:events';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TcpConnection } from '../../sockets/tcp-endpoint.ts';

/** A connection as 0.3's streams use it: `net.Socket`, or the stream of one that the engine accepted. */
export class StreamConnection implements TcpConnection {
  readonly #stream: Duplex;

  constructor(stream: Duplex) {
    this.#stream = stream;
    // Whoever uses the stream is told by its state.
    stream.on('error', () => {});
  }

  /** On a declared port the node's own end decides. */
  setKeepAlive(enabled: boolean, idleNanoseconds: bigint): void {
    if (this.#stream instanceof Socket) this.#stream.setKeepAlive(enabled, Number(idleNanoseconds / 1_000_000n));
  }

  /** Resolves when the connection takes more. @throws the stream's error, or EPIPE when it takes none any more */
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#stream.writable) throw this.#stream.errored ?? Object.assign(new Error('closed'), { code: 'EPIPE' });
    if (!this.#stream.write(bytes)) await Promise.race([once(this.#stream, 'drain'), once(this.#stream, 'close')]);
  }

  /** Ends what is sent, after all that was written. @throws the stream's error */
  async endWriting(): Promise<void> {
    if (this.#stream.errored !== null) throw this.#stream.errored;
    if (!this.#stream.destroyed) await new Promise<void>((resolve) => this.#stream.end(() => resolve()));
  }

  /** The next bytes; undefined when the peer has ended its direction. @throws the stream's error */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.#stream.read() as Uint8Array | null;
      if (piece !== null) return piece;
      if (this.#stream.errored !== null) throw this.#stream.errored;
      if (this.#stream.readableEnded || this.#stream.destroyed) return undefined;
      await this.#readableOrOver();
    }
  }

  /** What still comes is thrown away. */
  ignoreRest(): void {
    this.#stream.resume();
  }

  /** As `net.Socket.destroySoon`. */
  close(): void {
    this.#stream.end(() => this.#stream.destroy());
  }

  #readableOrOver(): Promise<void> {
    return new Promise((resolve) => {
      const stream = this.#stream;
      const next = (): void => {
        stream.off('readable', next).off('end', next).off('close', next);
        resolve();
      };
      stream.on('readable', next).on('end', next).on('close', next);
    });
  }
}
