import { decodeRewriting, reservedName, startExport } from '../../core/api/rewriting.ts';
import type { Rewriting } from '../../core/api/rewriting.ts';
import { rewriteModule } from '../../core/wasm/rewrite-module.ts';
import type { RewriteOptions } from '../../core/wasm/rewrite-module.ts';

/** A module with yield checks, instantiated as the contract in core/api/rewriting.ts says. */
export interface CheckedModule {
  readonly instance: WebAssembly.Instance;
  readonly exports: Record<string, (...args: never[]) => unknown>;
  readonly rewriting: Rewriting;
  /** Word 0 is the flag. */
  readonly epoch: Int32Array;
  /** The guest's first memory, if the host made it. */
  readonly memory: WebAssembly.Memory | undefined;
  /** Calls the function of the former start section; nothing when there was none. */
  start(): unknown;
}

export interface CheckedOptions extends Partial<RewriteOptions> {
  /** At first; the default is 1, so that every check calls `yield`. */
  readonly epoch?: number;
  /** What `wasmlet.yield` is. */
  readonly onYield: WebAssembly.ImportValue;
  readonly imports?: WebAssembly.Imports;
}

/** The memory that a rewritten module asks for. */
export function makeMemory({ initial, maximum, is64 = false }: NonNullable<Rewriting['memory']>): WebAssembly.Memory {
  const descriptor = is64
    ? { initial: BigInt(initial), ...(maximum === undefined ? {} : { maximum: BigInt(maximum) }), address: 'i64' }
    : { initial, ...(maximum === undefined ? {} : { maximum }) };
  return new WebAssembly.Memory(descriptor as { initial: number });
}

/** What a rewritten, compiled module asks of its host. */
export function rewritingOf(module: WebAssembly.Module): Rewriting {
  return decodeRewriting(WebAssembly.Module.customSections(module, reservedName)[0]!);
}

/** What a module imports from the engine; nothing when it has no yield checks. The flag is set to `epoch`. */
export function checkedImports(module: WebAssembly.Module, epoch: number, onYield: WebAssembly.ImportValue): WebAssembly.Imports[string] {
  if (WebAssembly.Module.customSections(module, reservedName).length === 0) return {};
  const flag = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  new Int32Array(flag.buffer)[0] = epoch;
  const { memory } = rewritingOf(module);
  return { epoch: flag, yield: onYield, ...(memory === undefined ? {} : { memory: makeMemory(memory) }) };
}

/** @throws Error when the module cannot have yield checks */
export function checkedModule(bytes: Uint8Array, { epoch = 1, onYield, imports = {}, ...options }: CheckedOptions): CheckedModule {
  const rewritten = rewriteModule(bytes, { markGrowth: false, yieldChecks: true, ...options });
  if (rewritten.kind === 'not-shareable') throw new Error(rewritten.reason);
  const module = new WebAssembly.Module(rewritten.bytes);
  const rewriting = rewritingOf(module);
  const own = checkedImports(module, epoch, onYield);
  const instance = new WebAssembly.Instance(module, { ...imports, [reservedName]: own });
  const exports = instance.exports as unknown as CheckedModule['exports'];
  const word = new Int32Array((own['epoch'] as WebAssembly.Memory).buffer);
  return { instance, exports, rewriting, epoch: word, memory: own['memory'] as WebAssembly.Memory | undefined, start: () => exports[startExport]?.() };
}
