import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Artifact } from '../../core/api/artifact.ts';
import type { ContainerConfig, ContainerObservation, EngineEvent } from '../../core/api/engine.ts';
import type { IsolationClass, RegisteredRuntime, RuntimeRegistry } from '../../core/api/runtime.ts';
import type { Logger } from '../../core/api/logger.ts';
import { WasmEngine } from '../../core/engine/engine.ts';
import type { WasmEngineOptions } from '../../core/engine/engine.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { systemClock } from '../../core/telemetry/system-clock.ts';
import { artifactOf, wat } from './wat.ts';

const root = path.join(import.meta.dirname, '../..');

/** The test runtime of fixtures/plain-runtime. */
export const plainRuntime: RegisteredRuntime = {
  manifest: { name: 'plain', accepts: [{ kind: 'module', imports: ['plain'] }], isolation: ['dedicated', 'shared'], thread: './thread.js' },
  pluginId: 'plain-runtime',
  threadUrl: pathToFileURL(path.join(root, 'test/fixtures/plain-runtime/thread.js')).href,
  version: '1',
  state: 'active',
  allowed: true,
};

export function registryOf(...runtimes: RegisteredRuntime[]): RuntimeRegistry {
  return { get: (name) => runtimes.find(({ manifest }) => manifest.name === name), list: () => runtimes };
}

/** A real engine in a directory of its own, with what tests ask of it. */
export class EngineBed {
  readonly directory: string;
  readonly engine: WasmEngine;
  readonly events: EngineEvent[] = [];
  readonly #listening: Promise<void>;
  #notify: () => void = () => {};
  #names = 0;
  /** Of containers that do not say. */
  readonly #isolation: IsolationClass;

  private constructor(directory: string, isolation: IsolationClass, options: Partial<WasmEngineOptions>) {
    this.directory = directory;
    this.#isolation = isolation;
    this.engine = new WasmEngine({
      rootDirectory: directory,
      runtimes: registryOf(plainRuntime),
      clock: systemClock,
      logger: silentLogger,
      threadEntry: pathToFileURL(path.join(root, 'core/engine/threads/thread-entry.js')),
      maxThreads: 100,
      ...options,
    });
    this.#listening = this.#listen();
  }

  static async create(options: Partial<WasmEngineOptions> & { directory?: string; isolation?: IsolationClass } = {}): Promise<EngineBed> {
    const { directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-engine-')), isolation = 'dedicated', ...rest } = options;
    const bed = new EngineBed(directory, isolation, rest);
    await bed.engine.recover(bed.podsDirectory);
    return bed;
  }

  get podsDirectory(): string {
    return path.join(this.directory, 'pods');
  }

  async sandbox(uid: string): Promise<void> {
    await this.engine.runPodSandbox({ uid, name: `pod-${uid}`, namespace: 'default', directory: path.join(this.podsDirectory, uid) });
  }

  module(text: string): Promise<Artifact> {
    return artifactOf(this.directory, 'test.wasm', wat(text));
  }

  async config(artifact: Artifact, changes: Partial<ContainerConfig> = {}): Promise<ContainerConfig> {
    const podUid = changes.podUid ?? 'a';
    await this.sandbox(podUid);
    const name = changes.name ?? `c${this.#names++}`;
    return {
      podUid, name, attempt: 0, kind: 'main', hash: 'h', image: 'test', imageId: 'test@sha256:0', artifact, runtime: 'plain', isolation: this.#isolation,
      argv: ['test.wasm'], env: [], cwd: '/', mounts: [], resources: { descriptors: 256 }, stdin: false, tty: false,
      logPath: path.join(this.directory, 'logs', podUid, name, '0.log'),
      ...changes,
    };
  }

  /** Creates and starts. */
  async start(artifact: Artifact, changes: Partial<ContainerConfig> = {}): Promise<string> {
    const id = await this.engine.createContainer(await this.config(artifact, changes));
    await this.engine.startContainer(id);
    return id;
  }

  /** Creates, starts, waits for the end. */
  async run(artifact: Artifact, changes: Partial<ContainerConfig> = {}): Promise<ContainerObservation> {
    return this.ended(await this.start(artifact, changes));
  }

  observe(id: string): ContainerObservation {
    const found = this.engine.listPodSandboxes().flatMap(({ containers }) => containers).find((container) => container.id === id);
    if (found === undefined) throw new Error(`container ${id} is not known`);
    return found;
  }

  running(id: string): Promise<ContainerObservation> {
    return this.#until(id, ({ phase }) => phase !== 'created');
  }

  ended(id: string): Promise<ContainerObservation> {
    return this.#until(id, ({ phase }) => phase === 'exited');
  }

  /** Resolves when the event has come. */
  async told(id: string, type: EngineEvent['type']): Promise<void> {
    while (!this.eventsOf(id).includes(type)) await this.#nextEvent();
  }

  eventsOf(id: string): string[] {
    return this.events.filter(({ containerId }) => containerId === id).map(({ type }) => type);
  }

  /** Resolves when the log is there and has that in it. */
  async logged(id: string, text: RegExp): Promise<void> {
    while (!text.test(await this.log(id).catch(() => ''))) await new Promise((resolve) => setImmediate(resolve));
  }

  async log(id: string): Promise<string> {
    return readFile(this.observe(id).logPath!, 'utf8');
  }

  /** Ends the engine and deletes its directory. */
  async close(): Promise<void> {
    await this.engine.stop(5_000);
    await this.#listening;
    await rm(this.directory, { recursive: true, force: true });
  }

  async #until(id: string, condition: (observation: ContainerObservation) => boolean): Promise<ContainerObservation> {
    for (;;) {
      const observation = this.observe(id);
      if (condition(observation)) return observation;
      await this.#nextEvent();
    }
  }

  #nextEvent(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#notify;
      this.#notify = () => {
        before();
        resolve();
      };
    });
  }

  async #listen(): Promise<void> {
    for await (const event of this.engine.events()) {
      this.events.push(event);
      const notify = this.#notify;
      this.#notify = () => {};
      notify();
    }
  }
}

/** A logger that keeps what it is told. */
export function recordingLogger(): Logger & { readonly lines: { level: string; keys: object; message: string }[] } {
  const lines: { level: string; keys: object; message: string }[] = [];
  const at = (level: string) => (keys: object, message: string) => void lines.push({ level, keys, message });
  const logger = { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger };
  return logger;
}
