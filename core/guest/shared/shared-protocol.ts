/** What the engine's main thread and a thread with many guests say to each other. A guest has a number on its thread. */
import type { MessagePort } from 'node:worker_threads';
import type { GuestExit } from '../../api/runtime.ts';
import type { PacedThread } from '../cpu/pace.ts';
import type { ContainerOrder } from '../protocol.ts';

/** A shared thread's piscina task: it lasts as long as the thread does. */
export interface SharedThreadTask {
  readonly kind: 'shared';
  readonly port: MessagePort;
  /** The one output ring of all guests; each record bears its guest's number. */
  readonly output: SharedArrayBuffer;
  /** Of all its guests, by their numbers: `controlWord`. */
  readonly control: SharedArrayBuffer;
  readonly pace: PacedThread;
}

/** Main → thread. */
export type SharedThreadOrder =
  | { readonly kind: 'begin'; readonly guest: number; readonly order: ContainerOrder }
  /** Something has changed that the guest may wait for. */
  | { readonly kind: 'wake'; readonly guest: number }
  /** There is space in the output ring. */
  | { readonly kind: 'wake-all' }
  /** The guest is to be unwound. */
  | { readonly kind: 'stop'; readonly guest: number };

/** Thread → main. */
export type SharedThreadMessage =
  | { readonly kind: 'ready'; readonly threadId: number; readonly tid: number }
  /** There are records in the ring. */
  | { readonly kind: 'output' }
  /** This guest made its first host call, or its stdin has space. */
  | { readonly kind: 'doorbell'; readonly guest: number }
  | { readonly kind: 'exit'; readonly guest: number; readonly exit: GuestExit }
  /** The adapter threw. */
  | { readonly kind: 'failed'; readonly guest: number; readonly message: string }
  | { readonly kind: 'stopped'; readonly guest: number };
