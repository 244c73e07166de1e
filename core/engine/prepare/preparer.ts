import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Artifact } from '../../api/artifact.ts';
import type { Clock } from '../../api/clock.ts';
import type { RegisteredRuntime } from '../../api/runtime.ts';
import type { RewriteOptions } from '../../wasm/rewrite-module.ts';
import { compileModule, compileWholeModule } from './compile-module.ts';
import { PreparedStore } from './prepared-store.ts';
import type { StoredArtifact } from './prepared-store.ts';
import { runPrepareProcess } from './run-prepare-process.ts';
import { rewrite } from './rewrite.ts';
import { refuseUnknownImports } from './unknown-imports.ts';

/** An artifact ready to be instantiated: limited, compiled. The modules are shared by all threads that get them. */
export interface Prepared {
  readonly modules: Readonly<Record<string, WebAssembly.Module>>;
  /** `file:` URL. */
  readonly glue?: string;
}

/** What a container asks of its modules. */
export interface PrepareWish {
  /** Bound on linear memory; absent: as the module declares. */
  readonly memoryBytes?: number | undefined;
  /** The guest is to yield, be throttled or be unwound where it computes. */
  readonly yieldChecks: boolean;
}

export interface PreparerOptions {
  /** `<root-dir>/prepared`. */
  readonly directory: string;
  readonly compileCache?: string | undefined;
  /** Bound on that directory. */
  readonly maxStoredBytes: number;
  /** Bound on the Wasm bytes behind compiled modules that are kept for the next container. */
  readonly maxCompiledBytes: number;
  readonly deadlineMilliseconds: number;
  readonly clock: Clock;
}

/** Smaller modules are rewritten where they are: it takes below a millisecond per 100 kB, a process takes 100. */
const inlineBytes = 1024 * 1024;
/** Each may take a quarter of a gigabyte. */
const processesAtOnce = 2;
/** Part of each key: counted up when rewriting or transpiling changes. */
const formatVersion = 7;
/** Elements that the tables of a guest with a memory limit may have in any case. */
const leastTableElements = 65_536;
/** What V8 takes for a table's element, roughly, in bytes. */
const tableElementBytes = 16;

interface Compiled {
  readonly prepared: Prepared;
  readonly bytes: number;
}

/** Makes artifacts ready: transpiled by their runtime where that is needed, limited, compiled. One preparation per key at a time. */
export class Preparer {
  readonly #options: PreparerOptions;
  readonly #store: PreparedStore;
  /** Least recently used first. */
  readonly #compiled = new Map<string, Compiled>();
  readonly #running = new Map<string, Promise<Prepared>>();
  readonly #cleaned: Promise<void>;
  #freePlaces = processesAtOnce;
  readonly #waitingForPlace: (() => void)[] = [];

  constructor(options: PreparerOptions) {
    this.#options = options;
    this.#store = new PreparedStore({ directory: options.directory, maxBytes: options.maxStoredBytes, clock: options.clock });
    this.#cleaned = this.#store.clean();
    this.#cleaned.catch(() => {}); // Whoever adds to the store sees it.
  }

  /** @throws WasmletError `MODULE_MALFORMED`, `MEMORY_OVER_LIMIT`, `IMPORT_UNKNOWN`, `ISOLATION_UNSUPPORTED`, `TRANSPILE_FAILED` */
  prepare(artifact: Artifact, runtime: RegisteredRuntime, wish: PrepareWish): Promise<Prepared> {
    const key = keyOf(artifact, runtime, wish);
    const compiled = this.#compiled.get(key);
    if (compiled !== undefined) {
      this.#keep(key, compiled);
      return Promise.resolve(compiled.prepared);
    }
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#prepare(key, artifact, runtime, rewritingFor(wish)).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    }
    return running;
  }

  async #prepare(key: string, artifact: Artifact, runtime: RegisteredRuntime, rewriting: RewriteOptions): Promise<Prepared> {
    if (artifact.inspection.kind === 'module') refuseUnknownImports(artifact.inspection, runtime.manifest);
    // Whoever may come onto a shared thread.
    const compile = artifact.kind === 'module' && rewriting.yieldChecks ? compileWholeModule : compileModule;
    if (artifact.kind === 'module' && artifact.sizeBytes <= inlineBytes) {
      return this.#compile(key, compile, { main: rewrite(await readFile(artifact.path), rewriting) });
    }
    const stored = (await this.#store.find(key)) ?? (await this.#make(key, artifact, runtime, rewriting));
    const names = Object.entries(stored.index.modules);
    const modules = await Promise.all(names.map(async ([name, file]) => [name, await readFile(path.join(stored.directory, file))] as const));
    const { glue } = stored.index;
    return this.#compile(key, compile, Object.fromEntries(modules), glue === undefined ? undefined : pathToFileURL(path.join(stored.directory, glue)).href);
  }

  async #make(key: string, artifact: Artifact, runtime: RegisteredRuntime, rewriting: RewriteOptions): Promise<StoredArtifact> {
    const { compileCache, deadlineMilliseconds, clock } = this.#options;
    await this.#cleaned;
    if (this.#freePlaces > 0) this.#freePlaces -= 1;
    else await new Promise<void>((resolve) => this.#waitingForPlace.push(resolve));
    try {
      return await this.#store.add(key, this.#keysInUse(), (directory) =>
        runPrepareProcess(
          { kind: artifact.kind, path: artifact.path, digest: artifact.digest, inspection: artifact.inspection, threadUrl: runtime.threadUrl, directory, rewriting },
          { compileCache, deadlineMilliseconds, clock },
        ));
    } finally {
      const next = this.#waitingForPlace.shift();
      if (next === undefined) this.#freePlaces += 1;
      else next();
    }
  }

  #keysInUse(): ReadonlySet<string> {
    return new Set([...this.#compiled.keys(), ...this.#running.keys()]);
  }

  async #compile(key: string, compile: typeof compileModule, modules: Readonly<Record<string, Uint8Array>>, glue?: string): Promise<Prepared> {
    // V8 compiles off the main thread.
    const compiled = await Promise.all(Object.entries(modules).map(async ([name, bytes]) => [name, await compile(bytes)] as const));
    const prepared: Prepared = { modules: Object.fromEntries(compiled), ...(glue === undefined ? {} : { glue }) };
    this.#keep(key, { prepared, bytes: Object.values(modules).reduce((sum, { length }) => sum + length, 0) });
    return prepared;
  }

  #keep(key: string, compiled: Compiled): void {
    this.#compiled.delete(key);
    this.#compiled.set(key, compiled);
    let total = [...this.#compiled.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [oldest, { bytes }] of this.#compiled) {
      if (total <= this.#options.maxCompiledBytes || this.#compiled.size === 1) return;
      this.#compiled.delete(oldest);
      total -= bytes;
    }
  }
}

function keyOf(artifact: Artifact, runtime: RegisteredRuntime, { memoryBytes, yieldChecks }: PrepareWish): string {
  const { name } = runtime.manifest;
  return [artifact.digest.replace(':', '-'), memoryBytes ?? 'unlimited', yieldChecks ? 'yielding' : 'plain', name, runtime.version, formatVersion].join('-').replace(/[^\w.-]/g, '_');
}

function rewritingFor({ memoryBytes, yieldChecks }: PrepareWish): RewriteOptions {
  if (memoryBytes === undefined) return { markGrowth: false, yieldChecks };
  return { memoryBytes, tableElements: Math.max(leastTableElements, Math.floor(memoryBytes / tableElementBytes)), markGrowth: true, yieldChecks };
}
