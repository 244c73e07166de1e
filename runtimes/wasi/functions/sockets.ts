import { blockingSyscall, syscall } from '../../../core/guest/preview1/syscall.ts';
import { connectionDescriptor } from '../descriptor.ts';
import { right } from '../rights.ts';
import type { WasiContext, WasiFunctions } from '../wasi-context.ts';

/** `sock_*`. Preview 1 can make no socket: a guest has the listeners that it was started with, and what they accept. */
export function socketFunctions({ host, sockets, descriptors }: WasiContext): WasiFunctions {
  return {
    sock_accept: blockingSyscall(host, (fd: number, flags: number, result: number) => {
      const listener = descriptors.socket(fd, right.SOCK_ACCEPT);
      return sockets.accept(listener, flags, result, () => descriptors.requireRoom(), (connection, nonblocking) =>
        descriptors.insert(() => connectionDescriptor(connection, listener, nonblocking)));
    }),
    sock_recv: blockingSyscall(host, (fd: number, vectors: number, count: number, flags: number, length: number, resultFlags: number) =>
      sockets.receive(descriptors.socket(fd, right.FD_READ), vectors, count, flags, length, resultFlags)),
    sock_send: blockingSyscall(host, (fd: number, vectors: number, count: number, flags: number, result: number) =>
      sockets.send(descriptors.socket(fd, right.FD_WRITE), vectors, count, flags, result)),
    sock_shutdown: syscall(host, (fd: number, how: number) => sockets.shutdown(descriptors.socket(fd, right.SOCK_SHUTDOWN), how)),
  };
}
