/**
 * What a container's sockets say between the main thread, which owns them, and the guest's side. The bytes are in rings;
 * messages only tell of connections that come and go, and that it is worth looking at one. The guest's side takes its
 * messages with `receiveMessageOnPort`, so that it needs no event loop; its wake word tells it to look.
 */
import type { MessagePort } from 'node:worker_threads';
import type { SocketAddress } from '../../api/socket-address.ts';

/** A connection's ring, in each direction. */
export const connectionRingBytes = 64 * 1024;

/** Part of a guest's order: its listeners, in the order of the pod's ports. */
export interface SocketOrder {
  /** To be transferred. */
  readonly port: MessagePort;
  readonly listeners: readonly { readonly name: string; readonly port: number }[];
}

/** Main → guest: a connection waits to be accepted. */
export interface ConnectionOffer {
  readonly id: number;
  /** Index of the listener. */
  readonly listener: number;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Byte rings: from the peer, to the peer. */
  readonly incoming: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
}

/** Guest → main, about a connection (`id`) or a listener (its index). */
export type SocketRequest =
  | { readonly kind: 'accepted'; readonly id: number }
  /** There is something in the outgoing ring, or space in the incoming one; or one of them is over. */
  | { readonly kind: 'look'; readonly id: number }
  | { readonly kind: 'closed'; readonly id: number }
  | { readonly kind: 'listener-closed'; readonly listener: number };
