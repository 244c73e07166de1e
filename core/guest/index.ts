/**
 * `wasmlet/guest`: what a runtime adapter builds on, inside a guest's thread. The engine hands `start` a `GuestHost`;
 * from here come the ways to end a guest and to say how it ended.
 */
export type { Blocked, Blocker, GuestClock, GuestConnection, GuestHost, GuestListener, GuestMount, GuestStdio, Wait } from './host.ts';
export { ExitSignal, exitOf, isExitSignal, startErrorOf } from './exit.ts';
