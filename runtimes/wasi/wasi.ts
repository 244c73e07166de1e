import type { GuestTask } from '../../core/api/runtime.ts';
import { Directory } from '../../core/guest/files/directory.ts';
import { MountTable } from '../../core/guest/files/mount-table.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import { GuestMemory } from '../../core/guest/preview1/guest-memory.ts';
import { GuestSocketCalls } from '../../core/guest/preview1/guest-socket-calls.ts';
import { GuestStreams } from '../../core/guest/preview1/guest-streams.ts';
import { Descriptors, directoryDescriptor, listenerDescriptor, StreamDescriptor } from './descriptor.ts';
import { descriptorFunctions } from './functions/descriptors.ts';
import { directoryFunctions } from './functions/directories.ts';
import { pathFunctions } from './functions/paths.ts';
import { processFunctions } from './functions/process.ts';
import { snapshotFunctions } from './functions/snapshot.ts';
import { socketFunctions } from './functions/sockets.ts';
import { directoryRights, noRights } from './rights.ts';
import { preview1, unstable } from './snapshot.ts';
import type { WasiContext, WasiFunctions } from './wasi-context.ts';

/** WASI preview 1 for one guest. */
export interface Wasi {
  /** All functions of `wasi_snapshot_preview1`, made at each call. */
  functions(): WasiFunctions;
  /** All functions of `wasi_unstable`, on the same descriptors: a program may be linked from parts of both times. */
  unstableFunctions(functions: WasiFunctions): WasiFunctions;
  /** To be bound to the instance's memory. */
  readonly memory: GuestMemory;
  /** Closes all that is open. */
  close(): void;
}

/** @throws Node's system error when a mount's host path cannot be opened. */
export function createWasi(task: GuestTask, host: GuestHost): Wasi {
  const mounts = new MountTable(host.mounts);
  const descriptors = new Descriptors(host);
  const memory = new GuestMemory((bytes) => host.reportMemory(bytes));
  const streams = new GuestStreams(host.stdio, memory);
  const sockets = new GuestSocketCalls(memory);
  for (const stream of [0, 1, 2] as const) descriptors.insert(() => new StreamDescriptor(stream));
  for (const listener of host.listeners) descriptors.insert(() => listenerDescriptor(listener));
  for (const root of mounts.roots()) {
    descriptors.insert(() => directoryDescriptor(descriptors, new Directory(mounts, root), directoryRights, noRights, new TextEncoder().encode(root.mount.guestPath)));
  }
  const context: WasiContext = { task, host, memory, streams, sockets, descriptors };
  return {
    functions: () => ({
      ...processFunctions(context),
      ...descriptorFunctions(context),
      ...directoryFunctions(context),
      ...pathFunctions(context),
      ...socketFunctions(context),
      ...snapshotFunctions(context, preview1),
    }),
    unstableFunctions(functions) {
      const { sock_accept: _added, ...older } = functions;
      return { ...older, ...snapshotFunctions(context, unstable) };
    },
    memory,
    close() {
      descriptors.closeAll();
      mounts.close();
    },
  };
}
