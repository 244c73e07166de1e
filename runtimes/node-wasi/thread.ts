import { closeSync, openSync } from 'node:fs';
import type { GuestExit, GuestTask } from '../../core/api/runtime.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import { GuestMemory } from '../../core/guest/preview1/guest-memory.ts';
import { Interposer } from '../../core/guest/preview1/interposer.ts';
import type { NativeFunction } from '../../core/guest/preview1/native-function.ts';
import { runCommand } from '../../core/guest/preview1/run-command.ts';
import { withoutWarnings } from '../../core/guest/without-warnings.ts';
import { PathGuard } from './path-guard.ts';

// The guest's stderr is the process's (`wasmlet run`); README says what this runtime is worth.
const { WASI } = withoutWarnings(() => process.getBuiltinModule('node:wasi'));

/** Node numbers preopened directories from here, in the order given. */
const firstPreopened = 3;

/** The thread side of the runtime `node-wasi` (RuntimeThread). */
export async function start(task: GuestTask, host: GuestHost): Promise<GuestExit> {
  // Node wants three descriptors for the streams; the guest never reaches them.
  const nowhere = openSync('/dev/null', 'r+');
  const guard = new PathGuard(host.mounts);
  const wasi = new WASI({
    version: 'preview1',
    args: [...task.argv],
    env: Object.fromEntries(task.env),
    preopens: Object.fromEntries(host.mounts.map((mount) => [mount.guestPath, mount.hostPath])),
    stdin: nowhere,
    stdout: nowhere,
    stderr: nowhere,
    returnOnExit: true,
  });
  const memory = new GuestMemory((bytes) => host.reportMemory(bytes));
  const interposer = new Interposer({
    host,
    memory,
    native: wasi.wasiImport as Record<string, NativeFunction>,
    preopened: host.mounts.map((mount, index) => ({ native: firstPreopened + index, mount })),
    inspect: (path, follow, opening) => guard.inspect(path, follow, opening),
  });
  let bound = false;
  // Node closes nothing, nor anything else, before it has an instance and a memory; a guest may have neither.
  const bind = (exports: WebAssembly.Exports): void => {
    bound = true;
    const own = exports['memory'] instanceof WebAssembly.Memory ? exports['memory'] : new WebAssembly.Memory({ initial: 1 });
    wasi.finalizeBindings({ exports }, { memory: own });
    memory.bind(own);
  };
  return runCommand({
    module: task.modules.main as WebAssembly.Module,
    imports: () => ({ wasi_snapshot_preview1: interposer.functions() }),
    host,
    memory,
    onInstance: ({ exports }) => bind(exports),
    close() {
      if (!bound) bind({});
      interposer.close();
      guard.close();
      closeSync(nowhere);
    },
  });
}
