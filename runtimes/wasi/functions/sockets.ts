import { errno } from '../../../core/guest/preview1/errno.ts';
import { syscall } from '../../../core/guest/preview1/syscall.ts';
import type { WasiContext, WasiFunctions } from '../wasi-context.ts';

/** `sock_*`: preview 1 can make no socket, so whatever is open is not one. */
export function socketFunctions({ host, descriptors }: WasiContext): WasiFunctions {
  const notSocket = syscall(host, (fd: number) => {
    descriptors.get(fd);
    return errno.ENOTSOCK;
  });
  return { sock_accept: notSocket, sock_recv: notSocket, sock_send: notSocket, sock_shutdown: notSocket };
}
