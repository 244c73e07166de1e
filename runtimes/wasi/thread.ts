import type { GuestExit, GuestTask } from '../../core/api/runtime.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import { runCommand } from '../../core/guest/preview1/run-command.ts';
import { createWasi } from './wasi.ts';

/** The thread side of the runtime `wasi` (RuntimeThread). */
export function start(task: GuestTask, host: GuestHost): Promise<GuestExit> {
  const wasi = createWasi(task, host);
  const module = task.modules.main as WebAssembly.Module;
  return runCommand({
    module,
    imports() {
      const functions = wasi.functions();
      const old = WebAssembly.Module.imports(module).some((imported) => imported.module === 'wasi_unstable');
      return { wasi_snapshot_preview1: functions, ...(old ? { wasi_unstable: wasi.unstableFunctions(functions) } : {}) };
    },
    host,
    memory: wasi.memory,
    close: () => wasi.close(),
  });
}
