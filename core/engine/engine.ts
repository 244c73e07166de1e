import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { AttachedStreams, ContainerConfig, ContainerStats, Engine, EngineEvent, PodSandboxConfig, PodSandboxObservation } from '../api/engine.ts';
import type { Clock } from '../api/clock.ts';
import { messageOf, WasmletError } from '../api/errors.ts';
import type { Logger } from '../api/logger.ts';
import type { RegisteredRuntime, RuntimeRegistry } from '../api/runtime.ts';
import { EventQueue } from './event-queue.ts';
import { createLogLink } from './logs/log-link.ts';
import { LogWriter } from './logs/log-writer.ts';
import { removeLogs } from './logs/rotate-log.ts';
import { Preparer } from './prepare/preparer.ts';
import { runContainer } from './run-container.ts';
import { lostInRestart, startErrorExit, stoppedExit } from './state/container-exit.ts';
import type { StopCode } from './state/container-exit.ts';
import { Container } from './state/container.ts';
import { Journal } from './state/journal.ts';
import { replayJournal } from './state/journal-entry.ts';
import { PodSandbox } from './state/pod-sandbox.ts';
import { ContainerInput, refusedInput } from './streams/container-input.ts';
import { ContainerOutput } from './streams/container-output.ts';
import { ThreadSupply } from './threads/thread-supply.ts';

export interface WasmEngineOptions {
  /** The node's `--root-dir`; prepared artifacts are kept under it. */
  readonly rootDirectory: string;
  readonly runtimes: RuntimeRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `core/engine/threads/thread-entry.js`, or its built name. */
  readonly threadEntry: URL;
  /** V8's compile cache for threads and prepare processes; absent: none. */
  readonly compileCache?: string;
  /** Containers at once (`dedicatedCapacity`). */
  readonly maxThreads: number;
  /** Threads kept ready. Default 1. */
  readonly warmThreads?: number;
  /** For a thread to be ready, and again for its guest to be entered. Default 30,000. */
  readonly startDeadlineMilliseconds?: number;
  /** For a transpilation. Default 120,000. */
  readonly prepareDeadlineMilliseconds?: number;
  /** Bound on `<root-dir>/prepared`. Default 1 GiB. */
  readonly maxPreparedBytes?: number;
  /** Bound on the Wasm bytes behind compiled modules kept in memory. Default 32 MiB. */
  readonly maxCompiledBytes?: number;
  /** Upstream's `containerLogMaxSize` (default 10 MiB) and `containerLogMaxFiles` (default 5). */
  readonly logMaxBytes?: number;
  readonly logMaxFiles?: number;
}

/** The engine of this process: every guest on a thread of its own. The one writer of sandboxes and containers. */
export class WasmEngine implements Engine {
  readonly #options: WasmEngineOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #threads: ThreadSupply;
  readonly #preparer: Preparer;
  readonly #events = new EventQueue<EngineEvent>();
  readonly #sandboxes = new Map<string, PodSandbox>();
  readonly #containers = new Map<string, Container>();
  readonly #startDeadline: number;
  #stopping = false;

  constructor(options: WasmEngineOptions) {
    const { clock, logger, threadEntry: entry, maxThreads, warmThreads = 1, startDeadlineMilliseconds = 30_000 } = options;
    const shared = { entry, clock, ...(options.compileCache === undefined ? {} : { compileCache: options.compileCache }) };
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#startDeadline = startDeadlineMilliseconds;
    this.#threads = new ThreadSupply({ ...shared, logger, maxThreads, warmThreads, startDeadlineMilliseconds });
    this.#preparer = new Preparer({
      ...shared,
      directory: path.join(options.rootDirectory, 'prepared'),
      maxStoredBytes: options.maxPreparedBytes ?? 1024 ** 3,
      maxCompiledBytes: options.maxCompiledBytes ?? 32 * 1024 ** 2,
      deadlineMilliseconds: options.prepareDeadlineMilliseconds ?? 120_000,
    });
  }

  async recover(podsDirectory: string): Promise<void> {
    const names = await readdir(podsDirectory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) await this.#recoverPod(path.join(podsDirectory, name));
    const first = this.#options.runtimes.list().find(({ state, allowed }) => state === 'active' && allowed);
    this.#threads.warmUp(first === undefined ? [] : [first.threadUrl]);
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<void> {
    this.#refuseWhenStopping();
    const { uid, name, namespace, directory } = config;
    let sandbox = this.#sandboxes.get(uid);
    if (sandbox === undefined) {
      const journal = Journal.create(directory, this.#logger);
      const createdAt = this.#clock.now();
      const ready = mkdir(directory, { recursive: true, mode: 0o750 }).then(() => journal.append({ type: 'sandbox', uid, name, namespace, createdAt }));
      sandbox = new PodSandbox({ uid, name, namespace }, createdAt, journal, ready);
      this.#sandboxes.set(uid, sandbox);
    }
    sandbox.stopped = false;
    try {
      await sandbox.ready;
    } catch (error) {
      this.#sandboxes.delete(uid);
      await sandbox.journal.remove();
      throw error;
    }
  }

  async stopPodSandbox(uid: string): Promise<void> {
    const sandbox = this.#sandboxes.get(uid);
    if (sandbox === undefined) return;
    sandbox.stopped = true;
    await Promise.all([...sandbox.containers.keys()].map((id) => this.stopContainer(id, 0)));
  }

  async removePodSandbox(uid: string): Promise<void> {
    const sandbox = this.#sandboxes.get(uid);
    if (sandbox === undefined) return;
    const containers = [...sandbox.containers.values()];
    if (containers.some(({ phase }) => phase !== 'exited')) throw new Error(`the sandbox of pod ${uid} has containers that have not ended`);
    this.#sandboxes.delete(uid);
    for (const container of containers) {
      this.#containers.delete(container.id);
      await this.#removeLog(container);
    }
    await sandbox.journal.remove();
  }

  async createContainer(config: ContainerConfig): Promise<string> {
    this.#refuseWhenStopping();
    const sandbox = this.#sandboxes.get(config.podUid);
    if (sandbox === undefined || sandbox.stopped) throw new Error(`pod ${config.podUid} has no sandbox that runs`);
    if (config.isolation !== 'dedicated') throw new WasmletError('ISOLATION_UNSUPPORTED', `this node runs every guest on a thread of its own, not ${config.isolation}`);
    const runtime = this.#runtime(config.runtime);
    await sandbox.ready;

    const prepared = this.#preparer.prepare(config.artifact, runtime, config.resources.memoryBytes);
    prepared.catch(() => {}); // Its rejection is seen at the start; a container that is never started has no use for it.
    const id = randomBytes(32).toString('hex');
    const container = Container.create(id, this.#clock.now(), {
      config,
      prepared,
      output: new ContainerOutput(config.logPath === undefined ? undefined : this.#logWriter(config.logPath)),
      ...(config.stdin ? { input: new ContainerInput() } : {}),
    });
    await sandbox.journal.append({ type: 'attempt', attempt: container.record });
    sandbox.containers.set(id, container);
    this.#containers.set(id, container);
    return id;
  }

  async startContainer(id: string): Promise<void> {
    this.#refuseWhenStopping();
    const container = this.#container(id);
    if (container.startRequested || container.phase === 'exited') return;
    container.requestStart();
    void this.#run(container);
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined || container.phase === 'exited') return;
    const code: StopCode = graceSeconds > 0 ? 143 : 137;
    container.requestStop(code);
    if (!container.startRequested) {
      container.requestStart();
      await container.live?.output.close();
      await this.#end(container, { ...stoppedExit(code), message: 'stopped before it began' });
    }
    await container.ended;
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined) return;
    if (container.phase !== 'exited') throw new Error(`container ${id} has not ended`);
    const sandbox = this.#sandboxOf(container);
    await this.#removeLog(container);
    await sandbox.journal.append({ type: 'remove', id });
    this.#containers.delete(id);
    sandbox.containers.delete(id);
  }

  podSandbox(uid: string): PodSandboxObservation | undefined {
    return this.#sandboxes.get(uid)?.observe();
  }

  listPodSandboxes(): readonly PodSandboxObservation[] {
    return [...this.#sandboxes.values()].map((sandbox) => sandbox.observe());
  }

  containerStats(): readonly ContainerStats[] {
    const now = this.#clock.now();
    return [...this.#containers.values()].flatMap((container) => container.stats(now) ?? []);
  }

  async attach(id: string): Promise<AttachedStreams> {
    const live = this.#containers.get(id)?.live;
    if (live === undefined) throw new WasmletError('CONTAINER_NOT_FOUND', `container ${id} does not run`);
    return { stdin: live.input?.stream() ?? refusedInput(), ...live.output.attach() };
  }

  async exec(): Promise<AttachedStreams> {
    throw new WasmletError('EXEC_UNSUPPORTED', 'a WebAssembly guest has no second process to run a command in');
  }

  events(): AsyncIterable<EngineEvent> {
    return this.#events;
  }

  async stop(deadlineMilliseconds: number): Promise<void> {
    this.#stopping = true;
    const ended = Promise.all([...this.#containers.keys()].map((id) => this.stopContainer(id, 1)));
    const given = new AbortController();
    await Promise.race([ended, this.#clock.sleep(deadlineMilliseconds, given.signal)]);
    given.abort();
    await this.#threads.stop();
    this.#events.close();
  }

  async #run(container: Container): Promise<void> {
    const live = container.live!;
    const { journal } = this.#sandboxOf(container);
    const { logLink, logPath, id } = container.record;
    if (logLink !== undefined && logPath !== undefined) {
      // Log shippers miss it, the container does not.
      createLogLink(logLink, logPath).catch((error: unknown) => this.#logger.warn({ error: messageOf(error), logLink }, 'no symlink to a container log could be made'));
    }
    const exit = await runContainer(container, live, this.#runtime(live.config.runtime), {
      threads: this.#threads,
      clock: this.#clock,
      startDeadlineMilliseconds: this.#startDeadline,
      beforeStart: (at) => journal.append({ type: 'start', id, at }),
      onRunning: () => {
        if (container.becomeRunning()) this.#emit('container-started', container);
      },
    }).catch(startErrorExit);
    await this.#end(container, exit);
  }

  async #end(container: Container, exit: Parameters<Container['end']>[0]): Promise<void> {
    const at = this.#clock.now();
    try {
      await this.#sandboxOf(container).journal.append({ type: 'exit', id: container.id, at, exit });
    } catch (error) {
      // The attempt is in the journal: after a crash it would be of unknown end, never run again as new.
      this.#logger.warn({ error: messageOf(error), podUid: container.record.podUid, container: container.record.name }, 'a container\'s exit could not be written to the journal');
    }
    container.end(exit, at);
    this.#emit('container-exited', container);
  }

  async #recoverPod(directory: string): Promise<void> {
    const read = await Journal.read(directory, this.#logger);
    const pod = read === undefined ? undefined : replayJournal(read.entries);
    if (read === undefined || pod === undefined) return;
    const { uid, name, namespace, createdAt } = pod.sandbox;
    const sandbox = new PodSandbox({ uid, name, namespace }, createdAt, read.journal);
    for (const attempt of pod.attempts) {
      const { id } = attempt.record;
      const at = attempt.finishedAt ?? this.#clock.now();
      const exit = attempt.exit ?? lostInRestart;
      if (attempt.exit === undefined) await sandbox.journal.append({ type: 'exit', id, at, exit });
      const container = Container.recover(attempt, at, exit);
      sandbox.containers.set(id, container);
      this.#containers.set(id, container);
    }
    this.#sandboxes.set(uid, sandbox);
  }

  async #removeLog({ record }: Container): Promise<void> {
    if (record.logPath !== undefined) await removeLogs(record.logPath);
    if (record.logLink !== undefined) await rm(record.logLink, { force: true });
  }

  #logWriter(file: string): LogWriter {
    const { clock, logger, logMaxBytes = 10 * 1024 ** 2, logMaxFiles = 5 } = this.#options;
    return new LogWriter({ path: file, maxBytes: logMaxBytes, maxFiles: logMaxFiles, clock, logger });
  }

  #runtime(name: string): RegisteredRuntime {
    const runtime = this.#options.runtimes.get(name);
    if (runtime === undefined) throw new WasmletError('RUNTIME_UNKNOWN', `no runtime is named ${name}`);
    if (runtime.state !== 'active') throw new WasmletError('RUNTIME_INACTIVE', `the runtime ${name} is not active: ${runtime.reason ?? 'no reason given'}`);
    return runtime;
  }

  #container(id: string): Container {
    const container = this.#containers.get(id);
    if (container === undefined) throw new WasmletError('CONTAINER_NOT_FOUND', `no container ${id}`);
    return container;
  }

  #sandboxOf(container: Container): PodSandbox {
    return this.#sandboxes.get(container.record.podUid)!;
  }

  #emit(type: EngineEvent['type'], container: Container): void {
    this.#events.push({ type, podUid: container.record.podUid, containerId: container.id });
  }

  #refuseWhenStopping(): void {
    if (this.#stopping) throw new Error('the engine is being stopped');
  }
}
