import { decodeRewriting, reservedName, startExport } from '../api/rewriting.ts';
import type { RewritingImports } from '../api/rewriting.ts';

export interface InstantiateOptions {
  /** What modules with yield checks import. Absent: this thread runs modules without. */
  readonly checks?: Omit<RewritingImports, 'memory'>;
  /** Calls the former start section; on a shared thread it may suspend. */
  readonly callStart: (start: Function) => void | Promise<void>;
}

/**
 * An instance of a module that the engine may have rewritten.
 * @throws what `new WebAssembly.Instance` throws
 */
export function instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports, { checks, callStart }: InstantiateOptions): WebAssembly.Instance | Promise<WebAssembly.Instance> {
  const [section] = WebAssembly.Module.customSections(module, reservedName);
  if (section === undefined) return new WebAssembly.Instance(module, imports);
  if (checks === undefined) throw new Error('the module has yield checks, and its thread has no pace');
  const { memory, start } = decodeRewriting(section);
  const own: Record<string, WebAssembly.ImportValue> = { epoch: checks.epoch, yield: checks.yield };
  if (memory !== undefined) own['memory'] = makeMemory(memory);
  const instance = new WebAssembly.Instance(module, { ...imports, [reservedName]: own });
  if (!start) return instance;
  const started = callStart(instance.exports[startExport] as Function);
  return started === undefined ? instance : started.then(() => instance);
}

function makeMemory({ initial, maximum, is64 = false }: NonNullable<ReturnType<typeof decodeRewriting>['memory']>): WebAssembly.Memory {
  const number = (pages: number): number | bigint => (is64 ? BigInt(pages) : pages);
  return new WebAssembly.Memory({
    initial: number(initial),
    ...(maximum === undefined ? {} : { maximum: number(maximum) }),
    ...(is64 ? { address: 'i64' } : {}),
  });
}
