import { FileError } from '../files/file-error.ts';
import type { Blocked, GuestConnection, GuestListener } from '../host.ts';
import { errno } from './errno.ts';
import type { GuestMemory } from './guest-memory.ts';

/** A listener or a connection as a guest's descriptor. */
export type GuestSocket =
  | { readonly kind: 'listener'; readonly listener: GuestListener; nonblocking: boolean }
  | { readonly kind: 'connection'; readonly connection: GuestConnection; nonblocking: boolean };

/** `filetype` of preview 1. */
const streamSocket = 6;
const nonblockFlag = 4;
const [peekFlag, waitAllFlag] = [1, 2];
const [readDirection, writeDirection] = [1, 2];
/** FD_FDSTAT_SET_FLAGS, FD_FILESTAT_GET, POLL_FD_READWRITE; with SOCK_ACCEPT, or FD_READ, FD_WRITE and SOCK_SHUTDOWN. */
const sharedRights = (1 << 3) | (1 << 21) | (1 << 27);
export const socketRights = { listener: sharedRights | (1 << 29), connection: sharedRights | (1 << 1) | (1 << 6) | (1 << 28) } as const;
const nothing = new Uint8Array(0);

interface Transfer {
  readonly connection: GuestConnection;
  readonly vectors: number;
  readonly count: number;
  readonly total: number;
  readonly nonblocking: boolean;
  readonly peek: boolean;
  readonly waitAll: boolean;
  /** Writes the results. */
  readonly finish: (done: number) => void;
}

/** What preview 1 does with sockets, for every runtime that has its descriptors. */
export class GuestSocketCalls {
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** `sock_accept`. `insert` gives the connection a descriptor and answers its number; it is called only when there is one, and room for it. */
  accept(socket: GuestSocket, flags: number, result: number, requireRoom: () => void, insert: (connection: GuestConnection, nonblocking: boolean) => number): number | Blocked {
    if (socket.kind !== 'listener' || (flags & ~nonblockFlag) !== 0) throw new FileError('EINVAL');
    this.#memory.check(result, 4);
    requireRoom();
    const { listener } = socket;
    const connection = listener.accept();
    if (connection === undefined) {
      if (socket.nonblocking) throw new FileError('EAGAIN');
      return { wait: { ready: () => listener.waiting() > 0 }, resume: () => this.accept(socket, flags, result, requireRoom, insert) };
    }
    this.#memory.setU32(result, insert(connection, (flags & nonblockFlag) !== 0));
    return errno.SUCCESS;
  }

  /** `sock_recv`. With RECV_PEEK, RECV_WAITALL has no meaning, and what lies in the first buffer is all that is looked at. */
  receive(socket: GuestSocket, vectors: number, count: number, flags: number, length: number, resultFlags: number): number | Blocked {
    const connection = connected(socket);
    if ((flags & ~(peekFlag | waitAllFlag)) !== 0) throw new FileError('EINVAL');
    this.#memory.check(length, 4);
    this.#memory.check(resultFlags, 2);
    return this.#receive({
      connection, vectors, count, total: this.#memory.vectorLength(vectors, count), nonblocking: socket.nonblocking,
      peek: (flags & peekFlag) !== 0,
      waitAll: (flags & waitAllFlag) !== 0,
      finish: (done) => {
        this.#memory.setU32(length, done);
        // A stream's data is never cut.
        this.#memory.setU16(resultFlags, 0);
      },
    }, 0);
  }

  /** `sock_send`. */
  send(socket: GuestSocket, vectors: number, count: number, flags: number, result: number): number | Blocked {
    connected(socket);
    if (flags !== 0) throw new FileError('EINVAL');
    return this.write(socket, vectors, count, result);
  }

  /** `sock_shutdown`. */
  shutdown(socket: GuestSocket, how: number): number {
    const connection = connected(socket);
    if (how === 0 || (how & ~(readDirection | writeDirection)) !== 0) throw new FileError('EINVAL');
    if ((how & readDirection) !== 0) connection.shutdown('read');
    if ((how & writeDirection) !== 0) connection.shutdown('write');
    return errno.SUCCESS;
  }

  /** `fd_read`: what is there, at least one byte. */
  read(socket: GuestSocket, vectors: number, count: number, result: number): number | Blocked {
    const connection = connected(socket);
    this.#memory.check(result, 4);
    return this.#receive({
      connection, vectors, count, total: this.#memory.vectorLength(vectors, count), nonblocking: socket.nonblocking, peek: false, waitAll: false,
      finish: (done) => this.#memory.setU32(result, done),
    }, 0);
  }

  /** `fd_write`: all of it, unless the socket is non-blocking or the peer goes. */
  write(socket: GuestSocket, vectors: number, count: number, result: number): number | Blocked {
    const connection = connected(socket);
    this.#memory.check(result, 4);
    return this.#send({
      connection, vectors, count, total: this.#memory.vectorLength(vectors, count), nonblocking: socket.nonblocking, peek: false, waitAll: true,
      finish: (done) => this.#memory.setU32(result, done),
    }, 0);
  }

  /** As `Readiness` of poll. A listener has nothing to write, ever. */
  readiness(socket: GuestSocket, write: boolean): number | undefined {
    const bytes = socket.kind === 'connection' ? (write ? socket.connection.writable() : socket.connection.readable()) : write ? 0 : socket.listener.waiting();
    return bytes === 0 ? undefined : bytes;
  }

  /** `fd_fdstat_get`. */
  writeDescriptorStatus(socket: GuestSocket, result: number, rights: number = socketRights[socket.kind]): number {
    this.#memory.bytes(result, 24).fill(0);
    this.#memory.setU8(result, streamSocket);
    this.#memory.setU16((result >>> 0) + 2, socket.nonblocking ? nonblockFlag : 0);
    this.#memory.setU64((result >>> 0) + 8, BigInt(rights));
    return errno.SUCCESS;
  }

  /** `fd_filestat_get`: a socket has a type and nothing else. `size` is the `filestat`'s. */
  writeFileStatus(result: number, size = 64): number {
    this.#memory.bytes(result, size).fill(0);
    this.#memory.setU8((result >>> 0) + 16, streamSocket);
    return errno.SUCCESS;
  }

  #receive(transfer: Transfer, from: number): number | Blocked {
    const { connection, vectors, count, total, nonblocking, peek, waitAll } = transfer;
    let done = from;
    while (done < total) {
      // What has been read is answered before the connection's end, or its failure, is.
      const readable = connection.readable();
      if (done > 0 && (readable === -1 || (readable === 0 && (nonblocking || !waitAll)))) break;
      const answer = connection.read(this.#memory.vectorPiece(vectors, count, done), peek);
      if (typeof answer !== 'number') {
        if (nonblocking) throw new FileError('EAGAIN');
        return { wait: answer, resume: () => this.#receive(transfer, done) };
      }
      done += answer;
      if (answer === 0 || peek) break;
    }
    transfer.finish(done);
    return errno.SUCCESS;
  }

  #send(transfer: Transfer, from: number): number | Blocked {
    const { connection, vectors, count, total, nonblocking } = transfer;
    if (total === 0) connection.write(nothing);
    let done = from;
    while (done < total && !(done > 0 && connection.writable() === -1)) {
      const answer = connection.write(this.#memory.vectorPiece(vectors, count, done));
      if (typeof answer === 'number') {
        done += answer;
      } else if (!nonblocking) {
        return { wait: answer, resume: () => this.#send(transfer, done) };
      } else {
        if (done === 0) throw new FileError('EAGAIN');
        break;
      }
    }
    transfer.finish(done);
    return errno.SUCCESS;
  }
}

function connected(socket: GuestSocket): GuestConnection {
  if (socket.kind === 'listener') throw new FileError('ENOTCONN');
  return socket.connection;
}
