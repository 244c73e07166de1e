import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import type { ArtifactInspection } from '../../../core/api/artifact.ts';
import type { GuestExit } from '../../../core/api/runtime.ts';
import { inspect } from '../../../core/wasm/inspect.ts';
import { rewrite } from '../../../core/engine/prepare/rewrite.ts';
import { prepare, start } from '../../../runtimes/jco/thread.ts';
import { TestGuestHost } from '../../support/guest-host.ts';
import type { TestGuestOptions } from '../../support/guest-host.ts';

const root = path.join(import.meta.dirname, '../../..');

export function fixture(name: string): Uint8Array {
  return readFileSync(path.join(root, name));
}

/** A preview 1 module as a component, by the adapter of the Bytecode Alliance (test/fixtures/jco/README.md). */
export function componentOf(module: Uint8Array): Promise<Uint8Array> {
  return componentNew(module, [['wasi_snapshot_preview1', fixture('test/fixtures/jco/wasi_snapshot_preview1.command.wasm')]]);
}

/** A component in text form. */
export function componentText(text: string): Promise<Uint8Array> {
  return parse(text);
}

/** What the engine would not even prepare is for the transpiler to refuse. */
function inspectionOf(bytes: Uint8Array): ArtifactInspection {
  try {
    return inspect(bytes);
  } catch {
    return { kind: 'component', imports: [], exports: [], coreModules: [] };
  }
}

export interface ComponentRun extends TestGuestOptions {
  readonly argv?: readonly string[];
  readonly env?: readonly (readonly [string, string])[];
  readonly cwd?: string;
  readonly memoryBytes?: number;
  /** As with a CPU limit. */
  readonly yieldChecks?: boolean;
}

/** A component, prepared and limited as the engine does it, in this process. */
export class PreparedComponent {
  readonly #directory: string;
  readonly #modules: Readonly<Record<string, Uint8Array>>;
  readonly #glue: string;

  private constructor(directory: string, modules: Readonly<Record<string, Uint8Array>>, glue: string) {
    this.#directory = directory;
    this.#modules = modules;
    this.#glue = glue;
  }

  static async prepare(bytes: Uint8Array): Promise<PreparedComponent> {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-jco-'));
    try {
      const { modules, glue } = await prepare({ kind: 'component', bytes, digest: 'sha256:0', inspection: inspectionOf(bytes), directory });
      return new PreparedComponent(directory, modules, pathToFileURL(path.join(directory, glue ?? '')).href);
    } catch (error) {
      await rm(directory, { recursive: true });
      throw error;
    }
  }

  async run(options: ComponentRun = {}): Promise<{ readonly exit: GuestExit; readonly host: TestGuestHost }> {
    const { argv = ['test.wasm'], env = [], cwd = '/', memoryBytes = 64 * 1024 * 1024, yieldChecks = false, ...rest } = options;
    const host = new TestGuestHost({ ...rest, memoryBytes });
    const modules = Object.fromEntries(Object.entries(this.#modules).map(([name, bytes]) => {
      const limited = rewrite(bytes, { memoryBytes, tableElements: Math.max(65_536, memoryBytes / 16), markGrowth: true, sharedBudget: true, yieldChecks });
      return [name, new WebAssembly.Module(limited.slice())];
    }));
    const exit = await start({ containerId: 'c', argv, env, cwd, isolation: 'dedicated', tty: rest.tty ?? false, modules, glue: this.#glue }, host);
    return { exit, host };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
