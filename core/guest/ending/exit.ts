import type { GuestExit } from '../../api/runtime.ts';

const brand = Symbol.for('wasmlet.ExitSignal');

/** Thrown by `proc_exit` (and `wasi:cli/exit`) to leave the guest. Recognised across copies of this module. */
export class ExitSignal extends Error {
  readonly code: number;
  readonly [brand] = true;

  constructor(code: number) {
    super(`exit ${code}`);
    this.name = 'ExitSignal';
    this.code = code;
  }
}

export function isExitSignal(error: unknown): error is ExitSignal {
  return typeof error === 'object' && error !== null && brand in error;
}

/**
 * How a guest ended, from what its entry threw; nothing thrown is `{kind: 'exit', code: 0}` and needs no call.
 * `memoryExhausted` is `GuestHost.memoryExhausted` of its instances: then a trap or a failure is the memory limit's doing.
 * @throws the error itself when it is not the guest's: an adapter's bug must not look like a trap.
 */
export function exitOf(error: unknown, memoryExhausted: boolean): GuestExit {
  if (isExitSignal(error)) {
    if (memoryExhausted && error.code !== 0) return { kind: 'out-of-memory', message: `the guest reached its memory limit and exited with code ${error.code}` };
    return { kind: 'exit', code: error.code };
  }
  const trap = trapText(error);
  if (trap === undefined) throw error;
  if (memoryExhausted) return { kind: 'out-of-memory', message: `the guest reached its memory limit: ${trap}` };
  return { kind: 'trap', message: trap, ...(isStackExhausted(error) && { stackExhausted: true }) };
}

/**
 * The start error behind a failed compilation or instantiation (`new WebAssembly.Module`, `new WebAssembly.Instance`),
 * undefined when it is something else (a trap in the start section, for one).
 */
export function startErrorOf(error: unknown): Extract<GuestExit, { kind: 'start-error' }> | undefined {
  if (error instanceof WebAssembly.LinkError) return { kind: 'start-error', code: 'IMPORT_UNKNOWN', message: error.message };
  // V8 says TypeError when an import's module object is missing altogether.
  if (error instanceof TypeError && error.message.startsWith('WebAssembly.Instance()')) return { kind: 'start-error', code: 'IMPORT_UNKNOWN', message: error.message };
  if (error instanceof WebAssembly.CompileError) return { kind: 'start-error', code: 'MODULE_MALFORMED', message: error.message };
  return undefined;
}

function trapText(error: unknown): string | undefined {
  if (error instanceof WebAssembly.RuntimeError) return inFunction(error.message, error);
  if (isStackExhausted(error)) return inFunction('call stack exhausted', error);
  if (typeof WebAssembly.Exception === 'function' && error instanceof WebAssembly.Exception) return 'uncaught exception of the guest';
  return undefined;
}

/** V8's error for the thread's own stack; a program's stack in its linear memory ends in a trap of another kind. */
function isStackExhausted(error: unknown): error is RangeError {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded';
}

/** Adds the innermost guest function that the stack names, e.g. `unreachable in function crash`. */
function inFunction(text: string, error: Error): string {
  // V8 writes `at module.name (wasm://wasm/module-1a2b3c4d:wasm-function[7]:0x55)`; both names may be missing.
  const frame = /^\s*at (?:(.+) \()?wasm:\/\/wasm\/(?:(.+)-)?[0-9a-f]+:wasm-function\[(\d+)\]/m.exec(error.stack ?? '');
  if (frame === null) return text;
  const [, qualified, module, index] = frame;
  const name = module !== undefined && qualified?.startsWith(`${module}.`) === true ? qualified.slice(module.length + 1) : qualified;
  return `${text} in function ${name ?? index}`;
}
