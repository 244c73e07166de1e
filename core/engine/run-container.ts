import type { ArtifactInspection } from '../api/artifact.ts';
import type { ContainerExit } from '../api/engine.ts';
import type { Clock } from '../api/clock.ts';
import { WasmletError } from '../api/errors.ts';
import type { RegisteredRuntime, RuntimeManifest } from '../api/runtime.ts';
import { growRefusedExport } from '../wasm/rewrite-module.ts';
import type { SocketOrder } from '../guest/sockets/socket-protocol.ts';
import type { GuestDescriptors } from './guest-descriptors.ts';
import type { Prepared } from './prepare/preparer.ts';
import { containerExitOf, startErrorExit, stoppedExit } from './state/container-exit.ts';
import type { ContainerSockets } from './sockets/container-sockets.ts';
import type { NodeSockets, PortHolder } from './sockets/node-sockets.ts';
import type { Container, LiveParts } from './state/container.ts';
import type { ContainerOrder } from '../guest/protocol.ts';
import type { GuestPlace } from './threads/guest-place.ts';
import type { GuestPlaces } from './threads/guest-places.ts';

export interface RunContainerOptions {
  readonly places: GuestPlaces;
  readonly sockets: NodeSockets;
  readonly descriptors: GuestDescriptors;
  /** As whom the container holds its ports. */
  readonly holder: PortHolder;
  readonly clock: Clock;
  /** False: every container gets a thread that no other gets, and with it Landlock's wall. */
  readonly reuseThreads: boolean;
  /** A guest whose entry was not reached by then is given up. */
  readonly startDeadlineMilliseconds: number;
  /** Called, and awaited, right before the guest gets its thread. A rejection is a start error. */
  readonly beforeStart: (startedAt: number) => Promise<void>;
  /** Called when the guest runs. */
  readonly onRunning: () => void;
}

/** A guest that has computed for so long is running, although it has called nothing yet. */
const silentRunningMilliseconds = 250;

/**
 * Takes a container from its preparation to its end: thread, guest, output drained to the last byte, thread gone or given back.
 * Never rejects; the container's state is changed by the caller and the callbacks only.
 */
export async function runContainer(container: Container, live: LiveParts, runtime: RegisteredRuntime, options: RunContainerOptions): Promise<ContainerExit> {
  const { signal } = container;
  let sockets: ContainerSockets | undefined;
  try {
    const prepared = await unlessAborted(live.prepared, signal);
    sockets = await listen(live, runtime, options);
    if (sockets !== undefined) container.listensAt(sockets.bound);
    const place = await options.places.acquire(live.config, runtime, signal);
    try {
      const startedAt = options.clock.now();
      container.begin(place, startedAt);
      await options.beforeStart(startedAt);
      signal.throwIfAborted();
      return await runGuest(container, live, orderFor(container, live, runtime, prepared, sockets?.order, options), place, options, sockets);
    } finally {
      await place.release();
      options.descriptors.giveBack(place.descriptors);
    }
  } catch (error) {
    return signal.aborted ? stoppedExit(container.stopCode ?? 137) : startErrorExit(error);
  } finally {
    if (sockets !== undefined) options.sockets.close(sockets, 'cut');
    live.output.guestEnded();
    live.input?.end();
    await live.output.close();
  }
}

async function runGuest(container: Container, live: LiveParts, order: ContainerOrder, place: GuestPlace, options: RunContainerOptions, sockets: ContainerSockets | undefined): Promise<ContainerExit> {
  live.input?.connect(() => place.wake());
  place.begin(order, {
    onDoorbell() {
      if (place.touched && !place.over) options.onRunning();
      live.input?.spaceMayBeFree();
    },
    deliver: (records) => live.output.deliver(records),
  });
  sockets?.connect(() => place.wake());
  const cancelWatch = watchSilentStart(place, options);
  const stop = (): void => {
    // Before the guest, which closes what it has when it is unwound: peers of a killed one see a reset.
    if (sockets !== undefined) options.sockets.close(sockets, 'cut');
    place.terminate();
  };
  container.signal.addEventListener('abort', stop, { once: true });

  const end = await place.finished;
  cancelWatch();
  container.signal.removeEventListener('abort', stop);
  // As at a process' end: what was written is sent.
  if (sockets !== undefined) options.sockets.close(sockets, end.kind === 'exited' ? 'finish' : 'cut');
  live.output.guestEnded();
  await place.drain();
  if (end.kind === 'terminated' && !container.signal.aborted) throw new WasmletError('THREAD_START_FAILED', `the guest was not entered within ${options.startDeadlineMilliseconds} ms`);
  return containerExitOf(end, place.begun, container.stopCode);
}

/** Sees a guest begin that calls nothing, and one that does not begin at all. Returns what ends the watch. */
function watchSilentStart(place: GuestPlace, options: RunContainerOptions): () => void {
  const begunAt = options.clock.monotonic();
  let cancel: () => void = () => {};
  const look = (): void => {
    if (place.over) return;
    if (place.begun) options.onRunning();
    else if (options.clock.monotonic() - begunAt >= options.startDeadlineMilliseconds) place.terminate();
    else cancel = options.clock.after(silentRunningMilliseconds, look);
  };
  cancel = options.clock.after(silentRunningMilliseconds, look);
  return () => cancel();
}

/** Undefined when there is nothing to listen for, or nobody who could accept. */
async function listen({ config }: LiveParts, { manifest }: RegisteredRuntime, { sockets, holder }: RunContainerOptions): Promise<ContainerSockets | undefined> {
  const { ports = [], resources, artifact } = config;
  if (ports.length === 0 || !acceptsConnections(artifact.inspection, manifest)) return undefined;
  return sockets.listen(ports, holder, resources.descriptors);
}

function acceptsConnections(inspection: ArtifactInspection, { features }: RuntimeManifest): boolean {
  const names = inspection.kind === 'module'
    ? inspection.imports.map(({ module, name }) => `${module}.${name}`)
    : [...inspection.exports, ...inspection.imports].map((name) => name.split('@', 1)[0]!);
  return names.some((name) => features?.listeners?.includes(name) === true);
}

function orderFor(container: Container, { config, input }: LiveParts, runtime: RegisteredRuntime, prepared: Prepared, sockets: SocketOrder | undefined, { reuseThreads, descriptors }: RunContainerOptions): ContainerOrder {
  const reuses = reuseThreads && runtime.manifest.reusesThreads === true;
  return {
    runtimeUrl: runtime.threadUrl,
    mayReuse: reuses && sockets === undefined,
    landlock: !reuses,
    task: {
      containerId: container.id,
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
