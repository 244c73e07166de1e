/**
 * The engine's API, in CRI words (k8s.io/cri-api runtime/v1) and message-shaped: plain data that can be structured-cloned,
 * byte streams, and one stream of events. No callbacks, no live objects, so that it can move into a process of its own.
 */
import type { Artifact } from './artifact.ts';
import type { ErrorCode } from './errors.ts';
import type { IsolationClass } from './runtime.ts';
import type { SocketAddress } from './socket-address.ts';

export interface PodSandboxConfig {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** The pod's directory on this node (`<root-dir>/pods/<uid>`); the journal lives in it. */
  readonly directory: string;
}

export interface Mount {
  readonly guestPath: string;
  /** A directory; absolute and without a symbolic link in it, so that whoever opens it can tell that nobody has put one in its way. */
  readonly hostPath: string;
  readonly readOnly: boolean;
}

/**
 * `small`: 1 MiB, some 17,000 frames, for most programs. `deep`: 64 MiB, for interpreters and compilers. What a guest does
 * not touch costs nothing; what it touches counts against no limit, hence the small one.
 */
export type StackClass = 'small' | 'deep';

export interface ContainerResources {
  /** Bound on linear memory, tables and host objects of the guest, in bytes; absent: the runtime's maximum. */
  readonly memoryBytes?: number;
  /** CPU time for each second of real time, in thousandths; absent: no limit. */
  readonly cpuMillicores?: number;
  /** Open descriptors at once. */
  readonly descriptors: number;
}

/** A TCP port on which a container may take connections. */
export interface ContainerPort {
  /** Empty when the pod gives it none. */
  readonly name: string;
  /** The container's number for it. */
  readonly port: number;
  /** Where the node listens for it, at least one; port 0 is any free one. */
  readonly addresses: readonly SocketAddress[];
}

/** Plain data: everything that starting a container needs. */
export interface ContainerConfig {
  readonly podUid: string;
  readonly name: string;
  /** The Nth instance of this container, from 0: the restart count. */
  readonly attempt: number;
  readonly kind: 'init' | 'main';
  /** Of name, image, runtime and isolation as annotated: a different hash means kill and start. */
  readonly hash: string;
  /** The image as the pod names it. */
  readonly image: string;
  /** `<repository>@sha256:<manifest>`. */
  readonly imageId: string;
  readonly artifact: Artifact;
  readonly runtime: string;
  readonly isolation: IsolationClass;
  /** Of a dedicated thread. Absent: small. */
  readonly stack?: StackClass;
  /** `[command ?? Entrypoint ?? artifact's name, …args ?? Cmd]` (design §10). */
  readonly argv: readonly string[];
  /** Complete; never the host's environment. */
  readonly env: readonly (readonly [string, string])[];
  /** Empty: none. */
  readonly cwd: string;
  readonly mounts: readonly Mount[];
  /** Absent: none. Listened on only for a program that can accept connections (`features.listeners` of its runtime's manifest). */
  readonly ports?: readonly ContainerPort[];
  readonly resources: ContainerResources;
  readonly stdin: boolean;
  readonly tty: boolean;
  /** The CRI log file of this attempt; absent: output goes to attached streams only. */
  readonly logPath?: string;
  /** Symlink to the log file for log shippers (`/var/log/containers/<pod>_<ns>_<container>-<id>.log` without the id part). */
  readonly logLinkPrefix?: string;
}

/**
 * created: known, being prepared or waiting for a thread. running: the guest made its first host call (or has computed for
 * a while without one). exited: over, or it never began (`reason: StartError`).
 */
export type ContainerPhase = 'created' | 'running' | 'exited';

export interface ContainerExit {
  /** 0–255 from the guest; 134 trap, 137 killed or out of memory, 143 stopped, 128 never began. */
  readonly code: number;
  /** Kubernetes' terminated reason. */
  readonly reason: 'Completed' | 'Error' | 'OOMKilled' | 'StartError' | 'ContainerStatusUnknown';
  readonly message?: string;
  /** It ended because its stack was full. */
  readonly stackExhausted?: true;
  /** With `StartError`: what it was, by the error table. */
  readonly errorCode?: ErrorCode;
}

/** What the engine knows of one attempt. Times in milliseconds since the epoch. */
export interface ContainerObservation {
  readonly id: string;
  readonly podUid: string;
  readonly name: string;
  readonly kind: 'init' | 'main';
  readonly attempt: number;
  readonly hash: string;
  readonly image: string;
  readonly imageId: string;
  readonly runtime: string;
  readonly isolation: IsolationClass;
  /** Absent: small. */
  readonly stack?: StackClass;
  readonly phase: ContainerPhase;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly exit?: ContainerExit;
  readonly logPath?: string;
  /** Where the node listens for it now; absent: nowhere. */
  readonly ports?: readonly ContainerPort[];
  /** It ended because another container of this node had one of its ports, and that one has ended since: a next attempt need not wait. */
  readonly portFreed?: true;
}

/** A pod's sandbox and its containers: all attempts still remembered, oldest first. */
export interface PodSandboxObservation {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly createdAt: number;
  readonly containers: readonly ContainerObservation[];
}

export interface ContainerStats {
  readonly id: string;
  readonly podUid: string;
  readonly podName: string;
  readonly namespace: string;
  readonly name: string;
  readonly attempt: number;
  readonly isolation: IsolationClass;
  /** The kernel's id of the thread that it is on; guests of the shared class have theirs in common. */
  readonly threadId: number;
  /** Milliseconds since the epoch at which the figures were read. */
  readonly timestamp: number;
  readonly startedAt: number;
  /** CPU time used so far, in nanoseconds. */
  readonly cpuNanoseconds: number;
  /** Linear memory and host objects now, in bytes. */
  readonly memoryBytes: number;
  readonly descriptors: number;
}

/** A fact, never a command; a lost or doubled one is harmless, since the receiver reads the observation again. */
export interface EngineEvent {
  readonly type: 'container-started' | 'container-exited' | 'container-changed';
  readonly podUid: string;
  readonly containerId: string;
}

/** The streams of one container. Output is live only: what was written before attaching is in the log file. */
export interface AttachedStreams {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
}

export interface Engine {
  /** Reads the journals of the directory's pods; attempts that began and have no end are reported as `ContainerStatusUnknown`, 137. Call once, before anything else. */
  recover(podsDirectory: string): Promise<void>;
  /** Idempotent. */
  runPodSandbox(config: PodSandboxConfig): Promise<void>;
  /** Stops every container of the pod (grace 0) and waits until nothing of it runs. */
  stopPodSandbox(uid: string): Promise<void>;
  /** Forgets a stopped sandbox and deletes its journal. Idempotent. */
  removePodSandbox(uid: string): Promise<void>;
  /** Writes the attempt to the journal and answers its id (64 hex digits). Preparing begins in the background. */
  createContainer(config: ContainerConfig): Promise<string>;
  /** Returns at once; what became of it is an event. A guest that cannot begin is `exited` with reason `StartError`. */
  startContainer(id: string): Promise<void>;
  /**
   * Grace above 0: SIGTERM's default action, exit 143, at once for guests that cannot receive a signal. Grace 0: kill, exit 137.
   * Resolves when the guest has ended and its thread is free. Idempotent; a later call may only shorten the grace.
   */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  /** Forgets an exited attempt and deletes its log file and link. */
  removeContainer(id: string): Promise<void>;
  podSandbox(uid: string): PodSandboxObservation | undefined;
  listPodSandboxes(): readonly PodSandboxObservation[];
  podSandboxUids(): readonly string[];
  containerStats(): readonly ContainerStats[];
  /** Rejects with CONTAINER_NOT_FOUND when it does not run. */
  attach(id: string): Promise<AttachedStreams>;
  /** Rejects with EXEC_UNSUPPORTED until sibling instances exist. */
  exec(id: string, command: readonly string[]): Promise<AttachedStreams>;
  /** One consumer. Ends when the engine is stopped. */
  events(): AsyncIterable<EngineEvent>;
  /** Ends every guest within `deadlineMilliseconds` (exit 143, then 137) and all threads. */
  stop(deadlineMilliseconds: number): Promise<void>;
}
