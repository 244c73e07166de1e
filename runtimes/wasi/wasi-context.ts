import type { GuestTask } from '../../core/api/runtime.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import type { GuestMemory } from '../../core/guest/preview1/guest-memory.ts';
import type { GuestSocketCalls } from '../../core/guest/preview1/guest-socket-calls.ts';
import type { GuestStreams } from '../../core/guest/preview1/guest-streams.ts';
import type { Descriptors } from './descriptor.ts';

/** What the functions of one guest share. */
export interface WasiContext {
  readonly task: GuestTask;
  readonly host: GuestHost;
  readonly memory: GuestMemory;
  readonly streams: GuestStreams;
  readonly sockets: GuestSocketCalls;
  readonly descriptors: Descriptors;
}

/** Functions of `wasi_snapshot_preview1` by name. */
export type WasiFunctions = Record<string, WebAssembly.ImportValue>;
