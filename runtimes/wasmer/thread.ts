import wasmer from '@wasmer/wasi';
import type { GuestExit, GuestTask } from '../../core/api/runtime.ts';
import type { GuestHost } from '../../core/guest/host.ts';
import { GuestMemory } from '../../core/guest/preview1/guest-memory.ts';
import { Interposer } from '../../core/guest/preview1/interposer.ts';
import type { NativeFunction } from '../../core/guest/preview1/native-function.ts';
import { runCommand } from '../../core/guest/preview1/run-command.ts';
import { CopyTooLarge, copyVolumes } from './volume-copy.ts';

/** Wasmer preopens its own root at 3, then ours in the order given. */
const firstPreopened = 4;

let ready: Promise<unknown> | undefined;

/** The thread side of the runtime `wasmer` (RuntimeThread). */
export async function start(task: GuestTask, host: GuestHost): Promise<GuestExit> {
  const module = task.modules.main as WebAssembly.Module;
  if (!WebAssembly.Module.exports(module).some(({ name, kind }) => name === 'memory' && kind === 'memory')) {
    return { kind: 'start-error', code: 'ENTRY_POINT_MISSING', message: 'the runtime wasmer needs a module that exports its memory as "memory"' };
  }
  ready ??= wasmer.init();
  await ready;
  const files = new wasmer.MemFS();
  try {
    copyVolumes(host.mounts, files, directoryOf);
  } catch (error) {
    if (error instanceof CopyTooLarge) return { kind: 'start-error', code: 'MEMORY_OVER_LIMIT', message: error.message };
    throw error;
  }
  const wasi = new wasmer.WASI({
    args: [...task.argv],
    env: Object.fromEntries(task.env),
    preopens: Object.fromEntries(host.mounts.map((_, index) => [directoryOf(index).slice(1), directoryOf(index)])),
    fs: files,
  });
  const native = wasi.getImports(module) as { readonly wasi_snapshot_preview1: Record<string, NativeFunction> };
  const memory = new GuestMemory((bytes) => host.reportMemory(bytes));
  const interposer = new Interposer({
    host,
    memory,
    native: Object.fromEntries(Object.entries(native.wasi_snapshot_preview1).map(([name, act]) => [name, withPanicNamed(name, act)])),
    // Nothing is written back to a volume, so nothing may be written at all.
    preopened: host.mounts.map((mount, index) => ({ native: firstPreopened + index, mount: { ...mount, readOnly: true } })),
  });
  return runCommand({
    module,
    imports: () => ({ wasi_snapshot_preview1: interposer.functions() }),
    host,
    memory,
    onInstance: (instance) => void wasi.instantiate(instance),
    // The files are in the runtime's memory and end with the thread; after a panic it must not be called again.
    close: () => host.reportDescriptors(0),
  });
}

function directoryOf(index: number): string {
  return `/volume-${index}`;
}

/** A panic of the runtime, itself a module, arrives as a trap: its text says whose it was. */
function withPanicNamed(name: string, act: NativeFunction): NativeFunction {
  const named: NativeFunction = (...args) => {
    try {
      return act(...args);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw new WebAssembly.RuntimeError(`@wasmer/wasi failed in ${name}: ${error.message}`);
      throw error;
    }
  };
  // The interposer hands on as many arguments as a function declares.
  return Object.defineProperty(named, 'length', { value: act.length });
}
