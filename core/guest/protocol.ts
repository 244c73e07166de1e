/**
 * What the engine's main thread and a guest's thread say to each other. State lives in shared memory, so that it is true
 * even when the guest's thread never returns to its event loop; messages only say that it is worth looking.
 */
import type { MessagePort } from 'node:worker_threads';
import type { GuestExit, GuestTask } from '../api/runtime.ts';
import type { GuestMount } from './host.ts';
import type { PacedThread } from './cpu/pace.ts';
import type { SocketOrder } from './sockets/socket-protocol.ts';

/**
 * 32-bit words of a control block, one block per container. Writers: G the guest's thread, M the main thread. A shared thread
 * has its guests' blocks in one piece of memory, by their numbers.
 */
export const controlWord = {
  /** M and G wait on it: counted up whenever something a guest may wait for has changed. */
  wake: 0,
  /** G: 1 once the guest has made its first host call. */
  touched: 1,
  /** G: 1 once the guest's entry was called. */
  entered: 2,
  /** G: 1 once the guest is over, before its end is reported. */
  ended: 6,
  /** G: linear memory and host objects, in KiB. */
  memoryKibibytes: 3,
  /** G: descriptors held. */
  descriptors: 4,
  /** M: 1 when the guest is to be unwound; for guests with yield checks. */
  stop: 5,
  /** G: 1 once the guest can be asked to end. */
  takesStop: 7,
  /** M: 1 once it is asked. */
  stopRequested: 10,
} as const;

/** 32-bit words that all guests of a node share: what `reportDescriptors` says, summed up, and how much that may become. */
export const nodeDescriptorWord = { held: 0, limit: 1 } as const;

export const nodeDescriptorBytes = 8;

/**
 * G: a float64 behind the words, in microseconds, so that hours fit. Of a guest with a thread of its own, the thread's CPU
 * time when the guest's work began; of a guest on a shared thread, its CPU time so far.
 */
export const cpuOffset = 32;

export const controlBytes = 64;

/** Guests run below the node's own threads, so that its lease and its probes stay alive beside busy guests. */
export const guestNiceness = 10;

/** Words in front of an output ring's records. Positions only grow, modulo 2^32; the data area's size is a power of two. */
export const ringWord = {
  /** Next byte to read; written by the consumer. */
  head: 0,
  /** Next byte to write; written by the producer. */
  tail: 1,
  /** 1 while a doorbell is on its way to the main thread. */
  flag: 2,
} as const;

export const ringHeaderBytes = 16;

/** Data area of an output ring. */
export const outputRingBytes = 128 * 1024;
/** The largest record's payload. */
export const outputRecordBytes = 64 * 1024;
/**
 * In front of each record: u32 payload length, u32 tag, u64 time in nanoseconds since the epoch. The tag is
 * `container index << 2 | stream`; records are padded to 8 bytes.
 */
export const recordHeaderBytes = 16;

/** Words in front of a byte ring's data, as `ringWord`. Writers: P the producer, C the consumer. */
export const byteRingWord = {
  /** C: next byte to read. */
  head: 0,
  /** P: next byte to write. */
  tail: 1,
  /** P sets it and C clears it: 1 while the producer waits for space. */
  wantsSpace: 2,
  /** P: 1 when no more bytes will come, 2 when the stream was cut. */
  closed: 3,
  /** P sets it and C clears it: 1 while the consumer knows that there is something to look at. */
  told: 4,
  /** C: 1 when nothing more will be read. */
  abandoned: 5,
} as const;

export const byteRingHeaderBytes = 32;

/** Stdin's ring. */
export const inputRingBytes = 64 * 1024;

/** A runtime that the next container will probably need. */
export interface Preload {
  /** `file:` URL of its thread module. */
  readonly runtimeUrl: string;
  /** Its starts are rehearsed (core/guest/dedicated/rehearsal.ts): for runtimes of preview 1, and threads that nobody waits for. */
  readonly rehearsed: boolean;
}

/** The piscina task of a thread that has one guest at a time: it lasts as long as the thread does. */
export interface ThreadTask {
  readonly kind: 'dedicated';
  readonly port: MessagePort;
  /** What to do before a container comes; absent: nothing. */
  readonly preload?: Preload;
}

/** Main → thread: the next container. Never before the last one's end was reported. */
export interface GuestOrder extends ContainerOrder {
  /** Made for this container, as everything that it shares with the main thread is: what another left behind cannot reach it. */
  readonly control: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
}

export interface ContainerOrder {
  /** A guest that ended leaves nothing behind in its thread (`reusesThreads`). */
  readonly mayReuse: boolean;
  /** Its thread is bound to the container's mounts by Landlock, where the kernel has it; it then takes no other container. */
  readonly landlock: boolean;
  /** `file:` URL of the runtime's thread module. */
  readonly runtimeUrl: string;
  readonly task: GuestTask;
  readonly mounts: readonly GuestMount[];
  readonly descriptors: number;
  /** `nodeDescriptorWord`. */
  readonly nodeDescriptors: SharedArrayBuffer;
  /** `ContainerResources.cpuMillicores`. */
  readonly cpuMillicores?: number;
  /** `ContainerResources.memoryBytes`. */
  readonly memoryBytes?: number;
  /** Export name of the rewriter's count of refused `memory.grow` (core/wasm). */
  readonly growRefusedExport: string;
  /** Absent: stdin is at its end from the start. */
  readonly input?: SharedArrayBuffer;
  /** Present for modules with yield checks on a thread of their own. */
  readonly pace?: PacedThread;
  /** Absent: the container declares no port. Its port must be transferred with the order. */
  readonly sockets?: SocketOrder;
}

/** Thread → main. */
export type ThreadMessage =
  /** Warm: everything is imported, an order can come. `tid` is the kernel's thread id. */
  | { readonly kind: 'ready'; readonly threadId: number; readonly tid: number }
  /** There are records in the output ring, a first host call was made, or stdin has space. */
  | { readonly kind: 'doorbell' }
  /** The guest has ended by itself. Its output is in the ring. `clean`: the thread can take another container. */
  | { readonly kind: 'exit'; readonly exit: GuestExit; readonly clean: boolean }
  /** The guest was unwound because the main thread asked for it. */
  | { readonly kind: 'stopped' }
  /** The adapter threw: its bug, or a start that the machine refused. */
  | { readonly kind: 'failed'; readonly message: string };
