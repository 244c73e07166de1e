import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { AttachedStreams, ContainerConfig, ContainerStats, Engine, EngineEvent, PodSandboxConfig, PodSandboxObservation } from '../api/engine.ts';
import type { Clock } from '../api/clock.ts';
import { messageOf, WasmletError } from '../api/errors.ts';
import type { Logger } from '../api/logger.ts';
import type { RegisteredRuntime } from '../api/runtime.ts';
import { engineDefaults } from './engine-options.ts';
import type { WasmEngineOptions } from './engine-options.ts';
import { BurstCollector, lastResort } from './burst-collector.ts';
import { EventQueue } from './event-queue.ts';
import { GuestDescriptors } from './guest-descriptors.ts';
import { ContainerLogs } from './logs/container-logs.ts';
import { nativeMemory } from './native-memory.ts';
import { Preparer } from './prepare/preparer.ts';
import { ContainerRun } from './container-run.ts';
import type { ContainerRunOptions } from './container-run.ts';
import { NodeSockets } from './sockets/node-sockets.ts';
import { stoppedExit } from './state/container-exit.ts';
import type { StopCode } from './state/container-exit.ts';
import { Container } from './state/container.ts';
import { Journal } from './state/journal.ts';
import { PodSandbox } from './state/pod-sandbox.ts';
import { recoverPod } from './state/recover-pod.ts';
import { ContainerInput, refusedInput } from './streams/container-input.ts';
import { ContainerOutput } from './streams/container-output.ts';
import { GuestPlaces, needsYieldChecks } from './threads/guest-places.ts';

export type { WasmEngineOptions } from './engine-options.ts';

/** The engine of this process. The one writer of sandboxes and containers. */
export class WasmEngine implements Engine {
  readonly #options: Required<Omit<WasmEngineOptions, 'compileCache'>>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #places: GuestPlaces;
  readonly #preparer: Preparer;
  readonly #logs: ContainerLogs;
  readonly #sockets: NodeSockets;
  readonly #descriptors: GuestDescriptors;
  readonly #events = new EventQueue<EngineEvent>();
  readonly #bursts: BurstCollector;
  readonly #runs: ContainerRunOptions;
  readonly #sandboxes = new Map<string, PodSandbox>();
  readonly #containers = new Map<string, Container>();
  #stopping = false;

  constructor(options: WasmEngineOptions) {
    const given = { ...engineDefaults, ...options };
    this.#options = given;
    this.#clock = given.clock;
    this.#logger = given.logger;
    this.#logs = new ContainerLogs(given);
    const memory = nativeMemory();
    memory.limitArenas();
    const collect = lastResort();
    this.#bursts = new BurstCollector(given.clock, () => {
      collect();
      memory.trim();
    });
    this.#sockets = new NodeSockets({ ...given, onFreed: (addresses) => {
      for (const container of this.#containers.values()) if (container.freed(addresses)) this.#emit('container-changed', container);
    } });
    this.#descriptors = new GuestDescriptors(given.maxGuestDescriptors);
    this.#places = new GuestPlaces({ ...given, entry: given.threadEntry });
    this.#preparer = new Preparer({
      clock: given.clock,
      compileCache: given.compileCache,
      directory: path.join(given.rootDirectory, 'prepared'),
      maxStoredBytes: given.maxPreparedBytes,
      maxCompiledBytes: given.maxCompiledBytes,
      deadlineMilliseconds: given.prepareDeadlineMilliseconds,
    });
    this.#runs = {
      places: this.#places,
      sockets: this.#sockets,
      descriptors: this.#descriptors,
      clock: given.clock,
      reuseThreads: given.reuseThreads,
      startDeadlineMilliseconds: given.startDeadlineMilliseconds,
      beforeStart: (container, at) => this.#sandboxOf(container).journal.append({ type: 'start', id: container.id, at }),
      onRunning: (container) => {
        if (container.becomeRunning()) this.#emit('container-started', container);
      },
      onEnded: (container, exit) => this.#end(container, exit),
    };
  }

  async recover(podsDirectory: string): Promise<void> {
    const names = await readdir(podsDirectory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) {
      const sandbox = await recoverPod(path.join(podsDirectory, name), this.#clock.now(), this.#logger);
      if (sandbox === undefined) continue;
      this.#sandboxes.set(sandbox.config.uid, sandbox);
      for (const container of sandbox.containers.values()) this.#containers.set(container.id, container);
    }
    const first = this.#options.runtimes.list().find(({ state, allowed }) => state === 'active' && allowed);
    this.#places.warmUp(first);
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<void> {
    this.#refuseWhenStopping();
    const { uid, name, namespace, directory } = config;
    let sandbox = this.#sandboxes.get(uid);
    if (sandbox === undefined) {
      const journal = Journal.create(directory, this.#logger);
      const createdAt = this.#clock.now();
      const create = async (): Promise<void> => {
        // In place, as the journal itself writes.
        mkdirSync(directory, { recursive: true, mode: 0o750 });
        await journal.append({ type: 'sandbox', uid, name, namespace, createdAt });
      };
      const ready = create();
      ready.catch(() => {}); // Whoever waits for it sees it.
      sandbox = new PodSandbox({ uid, name, namespace }, createdAt, journal, ready);
      this.#sandboxes.set(uid, sandbox);
    }
    sandbox.stopped = false;
    try {
      await sandbox.ready;
    } catch (error) {
      this.#sandboxes.delete(uid);
      await sandbox.journal.remove().catch(() => {}); // There may be half a line; what went wrong first is what is told.
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
      await this.#logs.remove(container.record);
    }
    await sandbox.journal.remove();
  }

  async createContainer(config: ContainerConfig): Promise<string> {
    this.#refuseWhenStopping();
    const sandbox = this.#sandboxes.get(config.podUid);
    if (sandbox === undefined || sandbox.stopped) throw new Error(`pod ${config.podUid} has no sandbox that runs`);
    const runtime = this.#runtime(config.runtime);
    await sandbox.ready;

    const prepared = this.#preparer.prepare(config.artifact, runtime, { memoryBytes: config.resources.memoryBytes, yieldChecks: needsYieldChecks(config, runtime) });
    prepared.catch(() => {}); // Its rejection is seen at the start; a container that is never started has no use for it.
    const id = randomBytes(32).toString('hex');
    const container = Container.create(id, this.#clock.now(), { config, runtime, prepared }, {
      output: new ContainerOutput(config.logPath === undefined ? undefined : this.#logs.writer(config.logPath)),
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
    const start = container.takeStart();
    if (start === undefined) return;
    const { namespace, name } = this.#sandboxOf(container).config;
    this.#logs.link(container.record);
    void new ContainerRun(container, this.#runs).start(start, { namespace, pod: name, container: container.record.name });
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined || container.phase === 'exited') return;
    if (graceSeconds > 0 && container.askToEnd()) {
      await this.#withinGrace(container, graceSeconds);
      return;
    }
    const code: StopCode = graceSeconds > 0 ? 143 : 137;
    container.requestStop(code);
    if (container.takeStart() !== undefined) {
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
    await this.#logs.remove(container.record);
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

  podSandboxUids(): readonly string[] {
    return [...this.#sandboxes.keys()];
  }

  containerStats(): readonly ContainerStats[] {
    const now = this.#clock.now();
    return [...this.#sandboxes.values()].flatMap(({ config, containers }) => [...containers.values()].flatMap((container) => container.stats(config, now) ?? []));
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
    const ended = Promise.all([...this.#containers.keys()].map((id) => this.stopContainer(id, Math.max(1, deadlineMilliseconds / 1000))));
    const given = new AbortController();
    await Promise.race([ended, this.#clock.sleep(deadlineMilliseconds, given.signal)]);
    given.abort();
    await this.#places.stop();
    this.#sockets.stop();
    this.#bursts.stop();
    this.#events.close();
  }

  /** Its guest was asked to end; one that has not by then is killed. */
  async #withinGrace(container: Container, graceSeconds: number): Promise<void> {
    const ended = new AbortController();
    void this.#clock.sleep(graceSeconds * 1000, ended.signal).then(() => ended.signal.aborted || container.requestStop(137));
    await container.ended;
    ended.abort();
  }

  async #end(container: Container, exit: Parameters<Container['end']>[0]): Promise<void> {
    const at = this.#clock.now();
    try {
      // Stopped with the node before it began: nothing of it happened, and the next node makes the same attempt again.
      const forgotten = this.#stopping && !container.begun && exit.reason !== 'StartError';
      if (!forgotten) await this.#sandboxOf(container).journal.append({ type: 'exit', id: container.id, at, exit });
    } catch (error) {
      // The attempt is in the journal: after a crash it would be of unknown end, never run again as new.
      this.#logger.warn({ error: messageOf(error), podUid: container.record.podUid, container: container.record.name }, 'a container\'s exit could not be written to the journal');
    }
    container.end(exit, at);
    this.#emit('container-exited', container);
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
    this.#bursts.note();
    this.#events.push({ type, podUid: container.record.podUid, containerId: container.id });
  }

  #refuseWhenStopping(): void {
    if (this.#stopping) throw new Error('the engine is being stopped');
  }
}
