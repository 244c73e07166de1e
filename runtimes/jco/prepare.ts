import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WasmletError, messageOf } from '../../core/api/errors.ts';
import type { PreparedArtifact, PrepareRequest } from '../../core/api/runtime.ts';
import { mendGlue } from './mend-glue.ts';

/** The module that `start` imports. */
const glue = 'component.js';

/** What `prepare` adds to jco's module: the interfaces that the component imports, without versions. */
export interface ComponentGlue {
  readonly imports: readonly string[];
  instantiate(
    getCoreModule: (name: string) => WebAssembly.Module,
    imports: Readonly<Record<string, unknown>>,
    instantiateCore: (module: WebAssembly.Module, imports?: WebAssembly.Imports) => WebAssembly.Instance,
  ): Record<string, unknown>;
}

/**
 * Transpiles a component into core modules and a JavaScript module that links them. Loads jco's transpiler, which keeps
 * 100 to 250 MB: the engine calls it in a process of its own and caches the result by digest.
 * @throws WasmletError `TRANSPILE_FAILED`.
 */
export async function prepare(request: PrepareRequest): Promise<PreparedArtifact> {
  if (request.kind !== 'component') throw new WasmletError('TRANSPILE_FAILED', 'the jco runtime takes components, this is a core module');
  const { transpileBytes } = await import('@bytecodealliance/jco-transpile');
  let transpiled: Awaited<ReturnType<typeof transpileBytes>>;
  try {
    transpiled = await transpileBytes(request.bytes, {
      name: 'component',
      // The imports are ours, given at start; nothing is fetched, nothing is awaited.
      instantiation: 'sync',
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
  // jco's module writes names of the guest's choosing to the console when an import is missing; start reports that itself.
  const source = `const console = { error() {}, warn() {}, log() {} };\n${mendGlue(script[0]!)}\nexport const imports = ${JSON.stringify(transpiled.imports)};\n`;
  await writeFile(join(request.directory, glue), source);
  // Without it Node would take the glue for CommonJS.
  await writeFile(join(request.directory, 'package.json'), '{"type":"module"}\n');
  return { modules, glue };
}
