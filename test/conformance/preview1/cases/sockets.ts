import { failure, fd } from '../case.ts';
import type { Case } from '../case.ts';
import type { Caller } from '../caller.ts';
import type { Preview1Function } from '../signatures.ts';

const calls = {
  sock_accept: (guest, at) => guest.call('sock_accept', at, 0, guest.room(4)),
  sock_recv: (guest, at) => guest.call('sock_recv', at, ...guest.vectors(8), 0, guest.room(4), guest.room(4)),
  sock_send: (guest, at) => guest.call('sock_send', at, ...guest.vectors('x'), 0, guest.room(4)),
  sock_shutdown: (guest, at) => guest.call('sock_shutdown', at, 3),
} satisfies Partial<Record<Preview1Function, (guest: Caller, at: number) => ReturnType<Caller['call']>>>;

/** `sock_*` on what is no socket. */
export const socketCases: readonly Case[] = Object.entries(calls).flatMap(([name, call]) => [
  failure(name as Preview1Function, 'EBADF', 'nothing is open there', (guest) => call(guest, fd.closed)),
  failure(name as Preview1Function, 'ENOTSOCK', 'it is a directory', (guest) => call(guest, fd.directory)),
  failure(name as Preview1Function, 'ENOTSOCK', 'it is a stream', (guest) => call(guest, fd.stdout)),
]);
