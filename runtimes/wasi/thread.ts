import type { GuestExit, GuestTask } from '../../core/api/runtime.ts';
import { Directory } from '../../core/guest/files/directory.ts';
import { MountTable } from '../../core/guest/files/mount-table.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import { GuestMemory } from '../../core/guest/preview1/guest-memory.ts';
import { GuestStreams } from '../../core/guest/preview1/guest-streams.ts';
import { runCommand } from '../../core/guest/preview1/run-command.ts';
import { Descriptors, directoryDescriptor, streamDescriptor } from './descriptor.ts';
import { descriptorFunctions } from './functions/descriptors.ts';
import { directoryFunctions } from './functions/directories.ts';
import { pathFunctions } from './functions/paths.ts';
import { processFunctions } from './functions/process.ts';
import { socketFunctions } from './functions/sockets.ts';
import { directoryRights, noRights } from './rights.ts';
import type { WasiContext } from './wasi-context.ts';

/** The thread side of the runtime `wasi` (RuntimeThread). */
export async function start(task: GuestTask, host: GuestHost): Promise<GuestExit> {
  const mounts = new MountTable(host.mounts);
  const descriptors = new Descriptors(host.limits.descriptors, (count) => host.reportDescriptors(count));
  const memory = new GuestMemory((bytes) => host.reportMemory(bytes));
  const close = (): void => {
    descriptors.closeAll();
    mounts.close();
  };
  const streams = new GuestStreams(host.stdio, memory);
  for (const stream of [0, 1, 2] as const) descriptors.insert(() => streamDescriptor(stream, { base: streams.rights(stream), inheriting: 0 }));
  for (const root of mounts.roots()) {
    descriptors.insert(() => directoryDescriptor(new Directory(mounts, root), directoryRights, noRights, new TextEncoder().encode(root.mount.guestPath)));
  }
  const context: WasiContext = { task, host, memory, streams, descriptors };
  const functions = {
    ...processFunctions(context),
    ...descriptorFunctions(context),
    ...directoryFunctions(context),
    ...pathFunctions(context),
    ...socketFunctions(context),
  };
  return runCommand({ module: task.modules.main as WebAssembly.Module, imports: { wasi_snapshot_preview1: functions }, host, memory, close });
}
