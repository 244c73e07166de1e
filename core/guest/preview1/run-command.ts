import type { GuestExit } from '../../api/runtime.ts';
import { exitOf, startErrorOf } from '../ending/exit.ts';
import type { GuestHost } from '../host.ts';
import type { GuestMemory } from './guest-memory.ts';

export interface CommandOptions {
  readonly module: WebAssembly.Module;
  /**
   * Called once, and what it answers is not kept: of thousands of waiting guests on a thread, each holds only the functions that
   * its module imports.
   */
  readonly imports: () => WebAssembly.Imports;
  readonly host: GuestHost;
  readonly memory: GuestMemory;
  /** Called when the instance exists, before its entry. */
  readonly onInstance?: (instance: WebAssembly.Instance) => void;
  /** Called when the guest has ended, however it did: closes what it left open. */
  readonly close: () => void;
}

/** Runs a preview-1 command: instantiates the module and calls `_start` (WASI application ABI). Never rejects for the guest's doing. */
export async function runCommand({ module, imports, host, memory, onInstance, close }: CommandOptions): Promise<GuestExit> {
  let instance: WebAssembly.Instance | undefined;
  try {
    if (!WebAssembly.Module.exports(module).some(({ name, kind }) => name === '_start' && kind === 'function')) {
      return { kind: 'start-error', code: 'ENTRY_POINT_MISSING', message: 'the module exports no function _start' };
    }
    instance = await host.instantiate(module, imports());
    if (instance.exports.memory instanceof WebAssembly.Memory) memory.bind(instance.exports.memory);
    onInstance?.(instance);
    await host.blocker.enter(instance.exports._start as Function)();
    return { kind: 'exit', code: 0 };
  } catch (error) {
    if (instance === undefined) return startErrorOf(error) ?? exitOf(error, false);
    return exitOf(error, host.memoryExhausted([instance]));
  } finally {
    close();
  }
}
