/**
 * What stands next to a guest inside its thread: the only ways in which a guest touches the outside. A runtime adapter
 * gets it from the engine and builds its import object on it. Everything here is synchronous but for the blocker.
 */
import type { SocketAddress } from '../api/socket-address.ts';

/** Why a syscall cannot answer yet. */
export interface Wait {
  /** Monotonic nanoseconds (`GuestClock.monotonic`) at which to go on regardless; absent: no deadline. */
  readonly deadline?: bigint;
  /** Asked after each wake-up; true ends the wait. Absent: only the deadline ends it. */
  ready?(): boolean;
}

/**
 * The one way to block (design §5). A syscall returns a number (its errno) or a `Blocked`; the blocker turns such a
 * function into an import: on a dedicated thread by `Atomics.wait`, on a shared thread by suspending the guest (JSPI).
 * No guest ever sits in a native call, so every wait ends at once when the container is killed.
 */
export interface Blocked {
  readonly wait: Wait;
  /** Called when the wait has ended. */
  resume(): number | Blocked;
}

export interface Blocker {
  /** The import for a syscall that may block; of six parameters at most. */
  wrap<Arguments extends unknown[]>(syscall: (...args: Arguments) => number | Blocked): WebAssembly.ImportValue;
  /** Waits in place; only on a dedicated thread. For hosts that are called through JavaScript frames. */
  waitNow(wait: Wait): void;
  /** Waits without holding the thread. */
  waitLater(wait: Wait): Promise<void>;
  /** Makes every wait ask `ready` again. For what changes inside the thread, by its event loop; the engine wakes for the rest. */
  wake(): void;
  /** The exported entry as a call that may suspend: plain on a dedicated thread, `WebAssembly.promising` on a shared one. */
  enter(entry: Function): () => void | Promise<void>;
}

/** WASI clocks, in nanoseconds. */
export interface GuestClock {
  realtime(): bigint;
  monotonic(): bigint;
  /** CPU time of this guest. */
  cpu(): bigint;
  /** Resolution of realtime and monotonic. */
  readonly resolution: bigint;
}

export interface GuestStdio {
  readonly tty: boolean;
  /**
   * Copies `bytes` whole into the output ring as one record. Returns undefined, or what to wait for when the ring is
   * full (call again after it). Never drops a byte. 64 KiB at most in one call; longer output is written in pieces.
   */
  write(stream: 1 | 2, bytes: Uint8Array): Wait | undefined;
  /** The same for `length` bytes of `source` at `at`: a view of the guest's whole memory need not be cut for each line. */
  writeFrom(stream: 1 | 2, source: DataView, at: number, length: number): Wait | undefined;
  /**
   * Reads at most `target.length` bytes of stdin. Returns the number read (0 = end of file), or what to wait for.
   * A container without stdin is at its end from the start.
   */
  read(target: Uint8Array): number | Wait;
  /** Bytes that `read` would give now; -1 at the end of file. */
  readable(): number;
}

/** A volume or directory that the guest sees. The host path is absolute and exists. */
export interface GuestMount {
  readonly guestPath: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
}

/** A TCP port that the container declares. The node listens on it from before the guest's entry until the guest's end. */
export interface GuestListener {
  /** The port's name in the pod; empty when it has none. */
  readonly name: string;
  /** The port's number in the pod, which is not always the one that clients use. */
  readonly port: number;
  /** Connections that wait to be accepted. Look here before every wait. */
  waiting(): number;
  /** Takes the oldest of them; undefined when there is none. */
  accept(): GuestConnection | undefined;
  /** Closes the port. Connections that wait are cut, accepted ones stay. Call it once, and nothing after it. */
  close(): void;
}

/** An accepted TCP connection. Each direction ends by itself. */
export interface GuestConnection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /**
   * Reads at most `target.length` bytes and answers how many (0 = the peer has ended its direction), or what to wait for.
   * With `peek` the bytes stay.
   * @throws FileError `ECONNRESET` when the connection was cut, after all that came before has been read
   */
  read(target: Uint8Array, peek?: boolean): number | Wait;
  /** Bytes that `read` would give now; -1 at the end, and when the connection was cut. */
  readable(): number;
  /**
   * Takes at least one byte and at most all of them and answers how many, or what to wait for.
   * @throws FileError `EPIPE` after `shutdown('write')`, and when the peer is gone
   */
  write(bytes: Uint8Array): number | Wait;
  /** Bytes that `write` would take now; -1 when it would throw. */
  writable(): number;
  /** `write`: the peer reads the end after what was written. `read`: whatever comes is thrown away. */
  shutdown(direction: 'read' | 'write'): void;
  /** What was written is still sent. Call it once, and nothing after it. */
  close(): void;
}

export interface GuestHost {
  readonly blocker: Blocker;
  readonly clock: GuestClock;
  readonly stdio: GuestStdio;
  /** The container's mounts; core/guest/files builds the guest's file system on them. Sorted by guest path. */
  readonly mounts: readonly GuestMount[];
  /** One for each TCP port of the container, in the pod's order: all that it can be reached by. */
  readonly listeners: readonly GuestListener[];
  readonly limits: {
    /** Descriptors that the guest may hold at once, preopens included. */
    readonly descriptors: number;
    /** Bytes of linear memory, tables and host objects together; absent: no limit. */
    readonly memoryBytes?: number;
  };
  /**
   * Makes an instance of a core module of the task. The only way: the engine rewrote the module, and what that needs is added
   * to `imports` here. A promise only on a shared thread, where the module's start section may suspend.
   * @throws what `new WebAssembly.Instance` throws
   */
  instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance | Promise<WebAssembly.Instance>;
  /** The memory limit of the guest: what its handles make the adapter hold counts, beside its memories. */
  readonly budget: {
    /** Memories, tables and what is held, in bytes. */
    readonly bytes: number;
    /** Counts what the guest makes the adapter hold. False: it is more than the limit leaves; end the guest with a trap. */
    hold(bytes: number): boolean;
    release(bytes: number): void;
  };
  /**
   * A host for one of several instances of the guest that share its memory limit: what is counted there is given back by `end`.
   * Call that once, when nothing uses the instance any more.
   */
  part(): GuestHost & { end(): void };
  /** Fills `target` with cryptographically secure random bytes. */
  random(target: Uint8Array): void;
  /** Ends the guest: throws. Should the guest catch it, every later host call throws again and every yield check traps. */
  exit(code: number): never;
  /** Reports the first host call. Call it from every import; it is a field test after the first time. */
  touch(): void;
  /**
   * Says that the guest can be asked to end, and resolves when it is (SIGTERM): it has its grace then. A guest whose adapter
   * never calls it is ended at once. Call it once.
   */
  stopRequested(): Promise<void>;
  /** Linear memory in bytes now, over all memories of the guest. Call after growth is possible; it is one store. */
  reportMemory(bytes: number): void;
  /** Descriptors that the guest holds now. */
  reportDescriptors(count: number): void;
  /** False: the guests of the node have all that it can spare, and this one is not to have one more (`ENFILE`). */
  nodeHasDescriptors(): boolean;
  /** True when the rewriter's mark in one of these instances says that growth failed at the limit, or the budget refused something. */
  memoryExhausted(instances: readonly WebAssembly.Instance[]): boolean;
}
