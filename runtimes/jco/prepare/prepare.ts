import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WasmletError, messageOf } from '../../../core/api/errors.ts';
import type { PreparedArtifact, PrepareRequest } from '../../../core/api/runtime.ts';
import { mendGlue } from './mend-glue.ts';
import { suspendsPreview2, transpileOptionsFor, waitingModeOf } from './transpile-options.ts';
import type { WaitingMode } from './transpile-options.ts';

/** The module that `start` imports. */
const glue = 'component.js';

/** What `prepare` adds to jco's module. */
export interface ComponentGlue {
  /** The interfaces that the component imports: those of WASI 0.3 as `wasi:cli/stdin@0.3`, all others without a version. */
  readonly imports: readonly string[];
  readonly mode: WaitingMode;
  /** As inspection found it, e.g. `wasi:http/service@0.3.0`. */
  readonly world?: string;
  /** Its functions of WASI 0.2 that wait may answer promises. */
  readonly suspends: boolean;
  /** A promise unless the mode is `in-place`. The component's exports, by WIT name with version. */
  instantiate(
    getCoreModule: (name: string) => WebAssembly.Module,
    imports: Readonly<Record<string, unknown>>,
    instantiateCore: (module: WebAssembly.Module, imports?: WebAssembly.Imports) => WebAssembly.Instance,
  ): ComponentExports | Promise<ComponentExports>;
}

export type ComponentExports = Readonly<Record<string, unknown>>;

/**
 * Transpiles a component into core modules and a JavaScript module that links them. Loads jco's transpiler, which keeps
 * 100 to 250 MB: the engine calls it in a process of its own and caches the result by digest.
 * @throws WasmletError `TRANSPILE_FAILED`.
 */
export async function prepare(request: PrepareRequest): Promise<PreparedArtifact> {
  const { inspection } = request;
  if (inspection.kind !== 'component') throw new WasmletError('TRANSPILE_FAILED', 'the jco runtime takes components, this is a core module');
  const { transpileBytes } = await import('@bytecodealliance/jco-transpile');
  let transpiled: Awaited<ReturnType<typeof transpileBytes>>;
  try {
    transpiled = await transpileBytes(request.bytes, {
      name: 'component',
      // The imports are ours, given at start; nothing is fetched.
      ...transpileOptionsFor(inspection),
      wasiShim: false,
      tlaCompat: false,
      emitTypescriptDeclarations: false,
      // Every core module is a file of its own, so that the engine sees and limits it.
      base64Cutoff: 0,
    });
  } catch (error) {
    throw new WasmletError('TRANSPILE_FAILED', `jco cannot transpile the component: ${messageOf(error)}`, { cause: error });
  }

  const modules: Record<string, Uint8Array> = {};
  const script: string[] = [];
  for (const [name, bytes] of Object.entries(transpiled.files)) {
    if (name.endsWith('.wasm')) modules[name] = bytes;
    else if (name.endsWith('.js')) script.push(new TextDecoder().decode(bytes));
  }
  if (script.length !== 1) throw new WasmletError('TRANSPILE_FAILED', `jco made ${script.length} scripts in place of one`);
  const constants = { imports: transpiled.imports, mode: waitingModeOf(inspection), suspends: suspendsPreview2(inspection), ...(inspection.world === undefined ? {} : { world: inspection.world }) };
  const exported = Object.entries(constants).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`).join('');
  // jco's module writes names of the guest's choosing to the console when an import is missing; start reports that itself.
  const source = `const console = { error() {}, warn() {}, log() {} };\n${mendGlue(script[0]!)}\n${exported}`;
  await writeFile(join(request.directory, glue), source);
  // Without it Node would take the glue for CommonJS.
  await writeFile(join(request.directory, 'package.json'), '{"type":"module"}\n');
  return { modules, glue };
}
