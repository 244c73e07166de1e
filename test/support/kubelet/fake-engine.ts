import type { AttachedStreams, ContainerConfig, ContainerExit, ContainerObservation, ContainerStats, Engine, EngineEvent, PodSandboxConfig, PodSandboxObservation } from '../../../core/api/engine.ts';
import { WasmletError } from '../../../core/api/errors.ts';
import type { Clock } from '../../../core/api/clock.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Sandbox {
  readonly config: PodSandboxConfig;
  readonly createdAt: number;
  readonly containers: Mutable<ContainerObservation>[];
}

/** An engine without guests: containers start and end when the test says so. It keeps the contract's rules and tells what it was asked. */
export class FakeEngine implements Engine {
  readonly #clock: Clock;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #waiting: ((result: IteratorResult<EngineEvent, undefined>) => void)[] = [];
  readonly #queue: EngineEvent[] = [];
  readonly #stops = new Map<string, (() => void)[]>();
  readonly #graces = new Map<string, () => void>();
  readonly configs = new Map<string, ContainerConfig>();
  readonly calls: string[] = [];
  /** Starts become `running` at once. */
  autoStart = true;
  /** A stopped guest ends at once (exit 143), as one that cannot receive a signal. */
  obedient = true;
  /** Set: creating a container fails with it. */
  createError: Error | undefined;
  #stopped = false;
  #ids = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async recover(): Promise<void> {}

  /** Puts an attempt in place as if a journal had held it. */
  remember(config: PodSandboxConfig, containers: readonly Partial<ContainerObservation>[]): void {
    const createdAt = this.#clock.now();
    const filled = containers.map((given) => ({
      id: this.#newId(), podUid: config.uid, name: 'main', kind: 'main', attempt: 0, hash: '', image: 'hello', imageId: 'hello@sha256:1', runtime: 'wasi',
      isolation: 'dedicated', phase: 'exited', createdAt, ...given,
    }) satisfies ContainerObservation);
    this.#sandboxes.set(config.uid, { config, createdAt, containers: filled });
  }

  /** The node was killed: what ran is lost, as a journal without ends says. */
  lose(): void {
    this.#waiting.splice(0);
    this.#queue.splice(0);
    this.#stops.clear();
    for (const { containers } of this.#sandboxes.values()) {
      for (const container of containers) {
        if (container.phase === 'exited') continue;
        container.phase = 'exited';
        container.finishedAt = this.#clock.now();
        container.exit = { code: 137, reason: 'ContainerStatusUnknown', message: 'lost when the node ended' };
      }
    }
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<void> {
    if (this.#sandboxes.has(config.uid)) return;
    this.calls.push(`run sandbox ${config.name}`);
    this.#sandboxes.set(config.uid, { config, createdAt: this.#clock.now(), containers: [] });
  }

  async stopPodSandbox(uid: string): Promise<void> {
    for (const { id } of this.#sandboxes.get(uid)?.containers ?? []) await this.stopContainer(id, 0);
  }

  async removePodSandbox(uid: string): Promise<void> {
    const sandbox = this.#sandboxes.get(uid);
    if (sandbox === undefined) return;
    if (sandbox.containers.some(({ phase }) => phase !== 'exited')) throw new Error('a sandbox was removed while a container ran');
    this.calls.push(`remove sandbox ${sandbox.config.name}`);
    this.#sandboxes.delete(uid);
  }

  async createContainer(config: ContainerConfig): Promise<string> {
    if (this.createError) throw this.createError;
    const sandbox = this.#sandboxes.get(config.podUid);
    if (sandbox === undefined) throw new Error('a container was created without a sandbox');
    const twin = sandbox.containers.find(({ name, attempt }) => name === config.name && attempt === config.attempt);
    if (twin !== undefined) throw new Error(`attempt ${config.attempt} of ${config.name} exists`);
    const id = this.#newId();
    this.calls.push(`create ${sandbox.config.name}/${config.name} #${config.attempt} on ${config.runtime}`);
    this.configs.set(id, structuredClone(config));
    const { podUid, name, kind, attempt, hash, image, imageId, runtime, isolation } = config;
    sandbox.containers.push({ id, podUid, name, kind, attempt, hash, image, imageId, runtime, isolation, phase: 'created', createdAt: this.#clock.now() });
    return id;
  }

  async startContainer(id: string): Promise<void> {
    if (this.autoStart) queueMicrotask(() => this.begin(id));
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const container = this.#find(id);
    if (container === undefined || container.phase === 'exited') return;
    this.calls.push(`stop ${container.name} #${container.attempt} grace ${graceSeconds}`);
    const ended = new Promise<void>((resolve) => this.#stops.set(id, [...(this.#stops.get(id) ?? []), resolve]));
    if (graceSeconds === 0) this.end(id, { code: 137, reason: 'Error' });
    else if (this.obedient) this.end(id, { code: 143, reason: 'Error' });
    else {
      this.#graces.get(id)?.();
      this.#graces.set(id, this.#clock.after(graceSeconds * 1000, () => this.end(id, { code: 137, reason: 'Error' })));
    }
    return ended;
  }

  async removeContainer(id: string): Promise<void> {
    for (const { containers } of this.#sandboxes.values()) {
      const index = containers.findIndex((container) => container.id === id);
      const found = containers[index];
      if (found === undefined) continue;
      if (found.phase !== 'exited') throw new Error('a container was removed while it ran');
      containers.splice(index, 1);
    }
  }

  podSandbox(uid: string): PodSandboxObservation | undefined {
    const sandbox = this.#sandboxes.get(uid);
    if (sandbox === undefined) return undefined;
    const { name, namespace } = sandbox.config;
    return structuredClone({ uid, name, namespace, createdAt: sandbox.createdAt, containers: sandbox.containers });
  }

  listPodSandboxes(): readonly PodSandboxObservation[] {
    return [...this.#sandboxes.keys()].map((uid) => this.podSandbox(uid)!);
  }

  podSandboxUids(): readonly string[] {
    return [...this.#sandboxes.keys()];
  }

  containerStats(): readonly ContainerStats[] {
    return [];
  }

  async attach(): Promise<AttachedStreams> {
    throw new WasmletError('CONTAINER_NOT_FOUND', 'the fake engine has no streams');
  }

  async exec(): Promise<AttachedStreams> {
    throw new WasmletError('EXEC_UNSUPPORTED', 'the fake engine runs nothing');
  }

  events(): AsyncIterable<EngineEvent> {
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise((resolve) => {
          const event = this.#queue.shift();
          if (event !== undefined) resolve({ done: false, value: event });
          else if (this.#stopped) resolve({ done: true, value: undefined });
          else this.#waiting.push(resolve);
        }),
      }),
    };
  }

  async stop(): Promise<void> {
    for (const { containers } of this.#sandboxes.values()) {
      for (const { id, phase } of containers) if (phase !== 'exited') this.end(id, { code: 143, reason: 'Error' });
    }
    this.#stopped = true;
    for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  /** The guest makes its first host call. */
  begin(id: string): void {
    const container = this.#find(id);
    if (container?.phase !== 'created') return;
    container.phase = 'running';
    container.startedAt = this.#clock.now();
    this.#emit('container-started', container);
  }

  /** The guest is over. */
  end(id: string, exit: ContainerExit): void {
    const container = this.#find(id);
    if (container === undefined || container.phase === 'exited') return;
    container.phase = 'exited';
    container.finishedAt = this.#clock.now();
    container.exit = exit;
    this.#graces.get(id)?.();
    this.#emit('container-exited', container);
    for (const resolve of this.#stops.get(id) ?? []) resolve();
    this.#stops.delete(id);
  }

  /** Id of the newest attempt of a container of the pod with this name. */
  newest(pod: string, container: string): string {
    const sandboxes = [...this.#sandboxes.values()].filter(({ config }) => config.name === pod);
    const found = sandboxes.flatMap(({ containers }) => containers).filter(({ name }) => name === container).at(-1);
    if (found === undefined) throw new Error(`no attempt of ${pod}/${container}`);
    return found.id;
  }

  #find(id: string): Mutable<ContainerObservation> | undefined {
    return [...this.#sandboxes.values()].flatMap(({ containers }) => containers).find((container) => container.id === id);
  }

  #newId(): string {
    this.#ids += 1;
    return this.#ids.toString(16).padStart(64, '0');
  }

  #emit(type: EngineEvent['type'], { podUid, id }: ContainerObservation): void {
    const event = { type, podUid, containerId: id };
    const waiting = this.#waiting.shift();
    if (waiting) waiting({ done: false, value: event });
    else this.#queue.push(event);
  }
}
