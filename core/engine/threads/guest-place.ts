import type { GuestExit } from '../../api/runtime.ts';
import type { OutputRecord } from '../../guest/rings/output-ring.ts';
import type { ContainerOrder, ThreadMessage } from '../../guest/protocol.ts';
import type { SharedThreadMessage } from '../../guest/shared/shared-protocol.ts';

/** How a guest's time on its thread ended. */
export type GuestEnd =
  /** By itself. */
  | { readonly kind: 'exited'; readonly exit: GuestExit }
  /** The adapter threw. */
  | { readonly kind: 'failed'; readonly message: string }
  /** The thread died under it. */
  | { readonly kind: 'crashed'; readonly message: string; readonly outOfMemory: boolean }
  /** By `terminate`. */
  | { readonly kind: 'terminated' };

/** What a thread has said of its guest's end. */
export function guestEndOf(message: Extract<ThreadMessage | SharedThreadMessage, { kind: 'exit' | 'failed' | 'stopped' }>): GuestEnd {
  if (message.kind === 'exit') return { kind: 'exited', exit: message.exit };
  return message.kind === 'failed' ? { kind: 'failed', message: message.message } : { kind: 'terminated' };
}

export interface GuestUsage {
  /** CPU time so far. */
  readonly cpuNanoseconds: number;
  /** Linear memory and host objects now. */
  readonly memoryBytes: number;
  readonly descriptors: number;
  /** The kernel's id of the thread. */
  readonly threadId: number;
}

export interface PlaceHandlers {
  /** Control words or stdin's space are worth a look. */
  onDoorbell(): void;
  /** Takes output; space in the ring is free again when it has resolved. Must not reject. */
  deliver(records: readonly OutputRecord[]): Promise<void>;
}

/** Where one container's guest runs: on a thread of its own, or on its share of one. */
export interface GuestPlace {
  /** Resolves once, with the first of: the guest's own end, the thread's death, its termination. */
  readonly finished: Promise<GuestEnd>;
  /** Gives the place its container. Once. */
  begin(order: ContainerOrder, handlers: PlaceHandlers): void;
  /** True once the guest has made a host call. */
  readonly touched: boolean;
  /** True once the guest's entry was called, or code of its start section has made a host call. */
  readonly begun: boolean;
  /** True once the guest is over, although the news of it may still be on the way. */
  readonly over: boolean;
  /** That the guest holds; after the release, what it could not give back. */
  readonly descriptors: number;
  /** Asks the guest to end by itself. False: it cannot be asked. */
  requestStop(): boolean;
  /** Wakes the guest if it waits for anything but a deadline. */
  wake(): void;
  /** Resolves when everything that the guest had written at the time of the call has been delivered. */
  drain(): Promise<void>;
  /** Ends the guest, whatever it does; `finished` tells when. Without effect once it was released. */
  terminate(): void;
  /** The container needs its place no more. Resolves when the guest can have no effect any more. Idempotent. */
  release(): Promise<void>;
  /** Undefined when nothing can be said (any more). */
  usage(): GuestUsage | undefined;
}
