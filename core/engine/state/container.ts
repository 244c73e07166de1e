import type { ContainerConfig, ContainerExit, ContainerObservation, ContainerPhase, ContainerPort, ContainerStats, PodSandboxConfig } from '../../api/engine.ts';
import type { RegisteredRuntime } from '../../api/runtime.ts';
import type { SocketAddress } from '../../api/socket-address.ts';
import { clash } from '../sockets/clash.ts';
import type { ContainerInput } from '../streams/container-input.ts';
import type { ContainerOutput } from '../streams/container-output.ts';
import type { GuestPlace } from '../threads/guest-place.ts';
import { logLinkPath } from '../logs/log-link.ts';
import type { Prepared } from '../prepare/preparer.ts';
import type { StopCode } from './container-exit.ts';
import type { AttemptRecord, RecoveredAttempt } from './journal-entry.ts';

/** What an attempt begins with. */
export interface StartParts {
  readonly config: ContainerConfig;
  readonly runtime: RegisteredRuntime;
  /** Begins with the container; its rejection is the start error. */
  readonly prepared: Promise<Prepared>;
}

/** What an attempt has while it is not over. */
export interface LiveParts {
  readonly output: ContainerOutput;
  readonly input?: ContainerInput;
}

/** What a request to stop ends. */
export interface Stoppable {
  stop(): void;
}

/** What the host keeps for a guest that keeps nothing: its control block, its part of the rings. */
const hostBytes = 16 * 1024;
/** A guest that runs has been started: whoever scrapes takes nothing at all for a fault (metrics-server drops the pod). */
const leastNanoseconds = 1_000;

/** One attempt of a container: its state, changed by the engine only. There is one for each idle pod: it holds only what it needs. */
export class Container {
  readonly record: AttemptRecord;
  #start: StartParts | undefined;
  #live: LiveParts | undefined;
  #run: Stoppable | undefined;
  /** Made for those who wait. */
  #ended: PromiseWithResolvers<void> | undefined;
  #phase: ContainerPhase;
  #startedAt: number | undefined;
  #finishedAt: number | undefined;
  #exit: ContainerExit | undefined;
  #stopCode: StopCode | undefined;
  #place: GuestPlace | undefined;
  #ports: readonly ContainerPort[] | undefined;
  /** What it wanted and another container had. */
  #portWanted: SocketAddress | undefined;
  #portFreed = false;

  private constructor(record: AttemptRecord, start?: StartParts, live?: LiveParts, end?: { startedAt?: number; finishedAt: number; exit: ContainerExit }) {
    this.record = record;
    this.#start = start;
    this.#live = live;
    this.#phase = end === undefined ? 'created' : 'exited';
    this.#startedAt = end?.startedAt;
    this.#finishedAt = end?.finishedAt;
    this.#exit = end?.exit;
  }

  static create(id: string, createdAt: number, start: StartParts, live: LiveParts): Container {
    const { podUid, name, kind, attempt, hash, image, imageId, runtime, isolation, stack, logPath, logLinkPrefix } = start.config;
    const record: AttemptRecord = {
      id, podUid, name, kind, attempt, hash, image, imageId, runtime, isolation, createdAt,
      ...(stack === undefined ? {} : { stack }),
      ...(logPath === undefined ? {} : { logPath }),
      ...(logLinkPrefix === undefined ? {} : { logLink: logLinkPath(logLinkPrefix, id) }),
    };
    return new Container(record, start, live);
  }

  /** An attempt of a former node process; it is over. */
  static recover({ record, startedAt }: RecoveredAttempt, finishedAt: number, exit: ContainerExit): Container {
    return new Container(record, undefined, undefined, { finishedAt, exit, ...(startedAt === undefined ? {} : { startedAt }) });
  }

  get id(): string {
    return this.record.id;
  }

  get phase(): ContainerPhase {
    return this.#phase;
  }

  /** Undefined once the attempt is over. */
  get live(): LiveParts | undefined {
    return this.#live;
  }

  /** Resolves when the attempt is over and that is in the journal. */
  get ended(): Promise<void> {
    if (this.#phase === 'exited') return Promise.resolve();
    return (this.#ended ??= Promise.withResolvers()).promise;
  }

  /** Undefined until the container is to end. */
  get stopCode(): StopCode | undefined {
    return this.#stopCode;
  }

  /** For whoever starts it, or ends it before it was started: undefined for all but the first. */
  takeStart(): StartParts | undefined {
    const start = this.#start;
    this.#start = undefined;
    return start;
  }

  /** From now on a request to stop goes there. Undefined: it is only remembered. */
  stopsBy(run: Stoppable | undefined): void {
    this.#run = run;
  }

  /** Asks the guest to end by itself. False: it cannot be asked, or was not reached yet. */
  askToEnd(): boolean {
    return this.#place?.requestStop() === true;
  }

  /** A later request only hardens: a kill stays a kill. */
  requestStop(code: StopCode): void {
    this.#stopCode = this.#stopCode === 137 ? 137 : code;
    this.#run?.stop();
  }

  /** True once its guest may have had effects. */
  get begun(): boolean {
    return this.#startedAt !== undefined;
  }

  /** The guest is about to begin. */
  begin(place: GuestPlace, now: number): void {
    this.#place = place;
    this.#startedAt = now;
  }

  /** The node listens for it, at these addresses. */
  listensAt(ports: readonly ContainerPort[]): void {
    this.#ports = ports;
  }

  /** It cannot begin: another container of this node has that address. */
  lacksPort(address: SocketAddress): void {
    this.#portWanted = address;
  }

  /** Nobody listens there any more. True if that kept it from its beginning. */
  freed(addresses: readonly SocketAddress[]): boolean {
    const wanted = this.#portWanted;
    if (wanted === undefined || !addresses.some((address) => clash(address, wanted))) return false;
    this.#portWanted = undefined;
    this.#portFreed = true;
    return true;
  }

  /** True the first time only, and never after the end. */
  becomeRunning(): boolean {
    if (this.#phase !== 'created') return false;
    this.#phase = 'running';
    return true;
  }

  end(exit: ContainerExit, now: number): void {
    this.#phase = 'exited';
    this.#exit = exit;
    this.#finishedAt = now;
    this.#place = undefined;
    this.#ports = undefined;
    this.#live = undefined;
    this.#run = undefined;
    this.#ended?.resolve();
    this.#ended = undefined;
  }

  observe(): ContainerObservation {
    const { logLink: _, ...record } = this.record;
    return {
      ...record,
      phase: this.#phase,
      // An attempt that never began has no start.
      ...(this.#phase === 'created' || this.#exit?.reason === 'StartError' || this.#startedAt === undefined ? {} : { startedAt: this.#startedAt }),
      ...(this.#finishedAt === undefined ? {} : { finishedAt: this.#finishedAt }),
      ...(this.#exit === undefined ? {} : { exit: this.#exit }),
      ...(this.#ports === undefined ? {} : { ports: this.#ports }),
      ...(this.#portFreed ? { portFreed: true } : {}),
    };
  }

  /** Undefined unless its guest has a place now. */
  stats(pod: Pick<PodSandboxConfig, 'name' | 'namespace'>, now: number): ContainerStats | undefined {
    const usage = this.#place?.usage();
    if (usage === undefined || this.#startedAt === undefined) return undefined;
    return {
      id: this.id,
      podUid: this.record.podUid,
      podName: pod.name,
      namespace: pod.namespace,
      name: this.record.name,
      attempt: this.record.attempt,
      isolation: this.record.isolation,
      timestamp: now,
      startedAt: this.#startedAt,
      ...usage,
      cpuNanoseconds: Math.max(leastNanoseconds, usage.cpuNanoseconds),
      memoryBytes: hostBytes + usage.memoryBytes,
    };
  }
}
