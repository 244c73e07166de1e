/**
 * `wasmlet/guest`: what a runtime adapter builds on, inside a guest's thread. The engine hands `start` a `GuestHost`;
 * from here comes how to say how a guest ended.
 */
export type { Blocked, Blocker, GuestClock, GuestConnection, GuestHost, GuestListener, GuestMount, GuestStdio, Wait } from './host.ts';
export { exitOf, startErrorOf } from './ending/exit.ts';
