import type { ArtifactInspection } from '../api/artifact.ts';
import type { ContainerConfig, ContainerExit } from '../api/engine.ts';
import type { Clock } from '../api/clock.ts';
import { WasmletError } from '../api/errors.ts';
import type { RegisteredRuntime, RuntimeManifest } from '../api/runtime.ts';
import type { SocketAddress } from '../api/socket-address.ts';
import { growRefusedExport } from '../wasm/rewrite-module.ts';
import type { GuestDescriptors } from './guest-descriptors.ts';
import type { Prepared } from './prepare/preparer.ts';
import { containerExitOf, startErrorExit, stoppedExit } from './state/container-exit.ts';
import type { ContainerSockets } from './sockets/container-sockets.ts';
import type { NodeSockets, PortHolder } from './sockets/node-sockets.ts';
import type { Container, LiveParts, StartParts, Stoppable } from './state/container.ts';
import type { ContainerOrder } from '../guest/protocol.ts';
import type { OutputRecord } from '../guest/rings/output-ring.ts';
import type { GuestEnd, GuestPlace, PlaceHandlers } from './threads/guest-place.ts';
import type { GuestPlaces } from './threads/guest-places.ts';

/** The same for all containers. */
export interface ContainerRunOptions {
  readonly places: GuestPlaces;
  readonly sockets: NodeSockets;
  readonly descriptors: GuestDescriptors;
  readonly clock: Clock;
  /** False: every container gets a thread that no other gets, and with it Landlock's wall. */
  readonly reuseThreads: boolean;
  /** A guest whose entry was not reached by then is given up. */
  readonly startDeadlineMilliseconds: number;
  /** Called, and awaited, right before the guest gets its thread. A rejection is a start error. */
  readonly beforeStart: (container: Container, startedAt: number) => Promise<void>;
  /** Called when the guest runs. */
  readonly onRunning: (container: Container) => void;
  /** Called once, with the last of it. */
  readonly onEnded: (container: Container, exit: ContainerExit) => Promise<void>;
}

/** A guest that has computed for so long is running, although it has called nothing yet. */
const silentRunningMilliseconds = 250;
const noWatch = (): void => {};

/**
 * Takes a container from its preparation to its end: thread, guest, output drained to the last byte, thread gone or given back.
 * The container's state is changed by the caller and the callbacks only. Nothing of the start is kept while the guest runs.
 */
export class ContainerRun implements PlaceHandlers, Stoppable {
  readonly #container: Container;
  readonly #live: LiveParts;
  readonly #options: ContainerRunOptions;
  /** Until the guest has begun. */
  #starting: AbortController | undefined = new AbortController();
  #sockets: ContainerSockets | undefined;
  #place: GuestPlace | undefined;
  #cancelWatch = noWatch;

  constructor(container: Container, options: ContainerRunOptions) {
    this.#container = container;
    this.#live = container.live!;
    this.#options = options;
    container.stopsBy(this);
  }

  /** Resolves when the guest has begun, or the container has ended without that. Never rejects. `holder`: as whom it holds its ports. */
  async start({ config, runtime, prepared }: StartParts, holder: PortHolder): Promise<void> {
    const { signal } = this.#starting!;
    const { places, sockets, clock, beforeStart } = this.#options;
    const container = this.#container;
    try {
      const modules = await unlessAborted(prepared, signal);
      this.#sockets = await listen(config, runtime, sockets, holder, (address) => container.lacksPort(address));
      if (this.#sockets !== undefined) container.listensAt(this.#sockets.bound);
      const place = await places.acquire(config, runtime, signal);
      this.#place = place;
      const startedAt = clock.now();
      container.begin(place, startedAt);
      await beforeStart(container, startedAt);
      signal.throwIfAborted();
      this.#begin(place, this.#order(config, runtime, modules));
    } catch (error) {
      await this.#end(Promise.reject(error));
    }
  }

  /** For the container. */
  stop(): void {
    if (this.#starting !== undefined) {
      this.#starting.abort();
      return;
    }
    // Before the guest, which closes what it has when it is unwound: peers of a killed one see a reset.
    this.#closeSockets('cut');
    this.#place!.terminate();
  }

  /** For the place. */
  onDoorbell(): void {
    const place = this.#place!;
    if (place.touched && !place.over) this.#options.onRunning(this.#container);
    this.#live.input?.spaceMayBeFree();
  }

  /** For the place. */
  deliver(records: readonly OutputRecord[]): Promise<void> {
    return this.#live.output.deliver(records);
  }

  #begin(place: GuestPlace, order: ContainerOrder): void {
    this.#live.input?.connect(() => place.wake());
    place.begin(order, this);
    this.#sockets?.connect(() => place.wake());
    this.#starting = undefined;
    this.#watchStart(place);
    void place.finished.then((end) => this.#end(this.#guestEnded(place, end)));
  }

  /** Sees a guest begin that calls nothing, and one that does not begin at all. */
  #watchStart(place: GuestPlace): void {
    const { clock, startDeadlineMilliseconds, onRunning } = this.#options;
    const begunAt = clock.monotonic();
    const look = (): void => {
      this.#cancelWatch = noWatch;
      if (place.over) return;
      if (place.begun) onRunning(this.#container);
      else if (clock.monotonic() - begunAt >= startDeadlineMilliseconds) place.terminate();
      else this.#cancelWatch = clock.after(silentRunningMilliseconds, look);
    };
    this.#cancelWatch = clock.after(silentRunningMilliseconds, look);
  }

  async #guestEnded(place: GuestPlace, end: GuestEnd): Promise<ContainerExit> {
    const container = this.#container;
    this.#cancelWatch();
    container.stopsBy(undefined);
    // As at a process' end: what was written is sent.
    this.#closeSockets(end.kind === 'exited' ? 'finish' : 'cut');
    this.#live.output.guestEnded();
    await place.drain();
    if (end.kind === 'terminated' && container.stopCode === undefined) {
      throw new WasmletError('THREAD_START_FAILED', `the guest was not entered within ${this.#options.startDeadlineMilliseconds} ms`);
    }
    return containerExitOf(end, place.begun, container.stopCode);
  }

  async #end(outcome: Promise<ContainerExit>): Promise<void> {
    const exit = await outcome
      .finally(() => this.#leavePlace())
      .catch((error: unknown) => (this.#container.stopCode === undefined ? startErrorExit(error) : stoppedExit(this.#container.stopCode)))
      .finally(() => this.#closeStreams())
      .catch(startErrorExit);
    await this.#options.onEnded(this.#container, exit);
  }

  async #leavePlace(): Promise<void> {
    const place = this.#place;
    if (place === undefined) return;
    await place.release();
    this.#options.descriptors.giveBack(place.descriptors);
  }

  async #closeStreams(): Promise<void> {
    const { output, input } = this.#live;
    this.#closeSockets('cut');
    output.guestEnded();
    input?.end();
    await output.close();
  }

  #closeSockets(how: 'finish' | 'cut'): void {
    if (this.#sockets !== undefined) this.#options.sockets.close(this.#sockets, how);
  }

  #order(config: ContainerConfig, runtime: RegisteredRuntime, prepared: Prepared): ContainerOrder {
    const { reuseThreads, descriptors } = this.#options;
    const { input } = this.#live;
    const sockets = this.#sockets?.order;
    const reuses = reuseThreads && runtime.manifest.reusesThreads === true;
    return {
      runtimeUrl: runtime.threadUrl,
      mayReuse: reuses && sockets === undefined,
      landlock: !reuses,
      task: {
        containerId: this.#container.id,
        argv: config.argv,
        env: config.env,
        cwd: config.cwd,
        isolation: config.isolation,
        tty: config.tty,
        modules: prepared.modules,
        ...(prepared.glue === undefined ? {} : { glue: prepared.glue }),
        ...(runtime.configuration === undefined ? {} : { configuration: runtime.configuration }),
      },
      mounts: config.mounts.toSorted((left, right) => (left.guestPath < right.guestPath ? -1 : 1)),
      descriptors: config.resources.descriptors,
      nodeDescriptors: descriptors.memory,
      ...(config.resources.cpuMillicores === undefined ? {} : { cpuMillicores: config.resources.cpuMillicores }),
      ...(config.resources.memoryBytes === undefined ? {} : { memoryBytes: config.resources.memoryBytes }),
      growRefusedExport,
      ...(input === undefined ? {} : { input: input.memory }),
      ...(sockets === undefined ? {} : { sockets }),
    };
  }
}

/** Undefined when there is nothing to listen for, or nobody who could accept. */
async function listen(config: ContainerConfig, { manifest }: RegisteredRuntime, sockets: NodeSockets, holder: PortHolder, onHeld: (address: SocketAddress) => void): Promise<ContainerSockets | undefined> {
  const { ports = [], resources, artifact } = config;
  if (ports.length === 0 || !acceptsConnections(artifact.inspection, manifest)) return undefined;
  return sockets.listen(ports, holder, resources.descriptors, onHeld);
}

function acceptsConnections(inspection: ArtifactInspection, { features }: RuntimeManifest): boolean {
  const names = inspection.kind === 'module'
    ? inspection.imports.map(({ module, name }) => `${module}.${name}`)
    : [...inspection.exports, ...inspection.imports].map((name) => name.split('@', 1)[0]!);
  return names.some((name) => features?.listeners?.includes(name) === true);
}

/** The promise's value, unless the signal aborts first; then its reason is thrown. */
async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
