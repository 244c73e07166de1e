/**
 * The runtime adapter: what a plugin's `thread` module exports, and what it is given. It runs inside a guest's thread
 * and in a prepare process, never in the main thread; there only the manifest is read.
 */
import type { ArtifactInspection, ArtifactKind } from './artifact.ts';
import type { GuestHost } from '../guest/host.ts';

export type IsolationClass = 'dedicated' | 'shared';

/** One kind of artifact that a runtime takes; acceptance is data, decided in the main thread. */
export type Accepts =
  | {
      readonly kind: 'module';
      /** Import module names that the runtime provides, e.g. `wasi_snapshot_preview1`. Every import must be in it. */
      readonly imports: readonly string[];
      /** Functions of those modules that it does not provide, as `module.name`. */
      readonly except?: readonly string[];
      /** Takes modules that import nothing at all. Default true. */
      readonly importless?: boolean;
    }
  | {
      readonly kind: 'component';
      /** Worlds as `wasi:cli/command@^0.2.0`: package/world and a semver range. */
      readonly worlds: readonly string[];
    };

/** A runtime as its manifest declares it (`contributes.runtimes[]`). */
export interface RuntimeManifest {
  /** The name used in annotations and labels: `wasi`, `node-wasi`, `wasmer`, `jco`, … */
  readonly name: string;
  readonly description?: string;
  readonly accepts: readonly Accepts[];
  readonly isolation: readonly IsolationClass[];
  /** Path of the thread module, relative to the manifest. */
  readonly thread: string;
  /**
   * True: a guest that ended by itself leaves nothing behind in its thread (timers, open descriptors, changed globals, state
   * in modules), so that the thread may take another container of this runtime. Default false: a thread per container.
   */
  readonly reusesThreads?: boolean;
  /** True when a container can receive listening sockets, volumes and so on; what is absent is refused with a clear error. */
  readonly features?: {
    /** `live`: host directories are seen as they are. `copy`: a read-only snapshot is taken at start. `none`: refused. */
    readonly volumes?: 'live' | 'copy' | 'none';
    /**
     * What tells a program that can take connections from `GuestHost.listeners`: a function that a module imports
     * (`wasi_snapshot_preview1.sock_accept`), an interface that a component exports (`wasi:http/incoming-handler`, without its
     * version). The engine listens on the ports of such programs only: others could answer nobody.
     */
    readonly listeners?: readonly string[];
    /**
     * True: what a guest holds is freed only when its thread module's `start` returns, so that its thread must not be
     * terminated. The engine gives its modules yield checks on a dedicated thread too, and ends it by dooming them.
     */
    readonly yieldChecks?: boolean;
  };
}

/** What `prepare` gets: the artifact's bytes and where to put files. */
export interface PrepareRequest {
  readonly kind: ArtifactKind;
  readonly bytes: Uint8Array;
  readonly digest: string;
  /** What reading the bytes found: a component's interfaces by WIT name with version, and its world. */
  readonly inspection: ArtifactInspection;
  /** An empty directory of this preparation's own; its files are kept and given back as `Prepared.directory`. */
  readonly directory: string;
}

/**
 * What a runtime made of an artifact: core modules by name and, where it needs some, files beside them (`glue`).
 * The engine afterwards rewrites every core module (limits), so no adapter can forget them.
 */
export interface PreparedArtifact {
  /** Core modules by name. A runtime without `prepare` has one, named `main`. */
  readonly modules: Readonly<Record<string, Uint8Array>>;
  /** File name, inside the directory, of an ES module that the thread imports. */
  readonly glue?: string;
}

/** One container's work order for a thread. Plain data but for the compiled modules, which are cloned by reference. */
export interface GuestTask {
  readonly containerId: string;
  readonly argv: readonly string[];
  /** Explicit and complete; never the host's environment. */
  readonly env: readonly (readonly [string, string])[];
  readonly cwd: string;
  readonly isolation: IsolationClass;
  readonly tty: boolean;
  /** Compiled, limited core modules by name (`main` for a plain module). */
  readonly modules: Readonly<Record<string, WebAssembly.Module>>;
  /** `file:` URL of the glue module that `prepare` wrote. */
  readonly glue?: string;
  /** The runtime's plugin's section of the node's configuration, validated; absent: none. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** How a guest ended. The engine adds the endings it causes itself (stop, kill, lost thread). */
export type GuestExit =
  | { readonly kind: 'exit'; readonly code: number }
  /** `message` is the trap's text, e.g. `unreachable`, with a function name where there is one. */
  | { readonly kind: 'trap'; readonly message: string; readonly stackExhausted?: true }
  /** The guest hit its memory limit (exact, from the rewriter's mark) and then ended by itself or trapped. */
  | { readonly kind: 'out-of-memory'; readonly message: string }
  /** It never began: unknown import, no entry point, a component that cannot be linked. `code` is an error-table code. */
  | { readonly kind: 'start-error'; readonly code: 'MODULE_MALFORMED' | 'IMPORT_UNKNOWN' | 'ENTRY_POINT_MISSING' | 'MEMORY_OVER_LIMIT'; readonly message: string };

/** The exports of a runtime plugin's thread module. */
export interface RuntimeThread {
  /** Called for components only, in a short-lived process of its own; pure, cached by digest. Core modules are used as they are. */
  prepare?(request: PrepareRequest): Promise<PreparedArtifact>;
  /**
   * Runs the guest to its end. On a dedicated thread it may be synchronous. It never throws for what the guest did;
   * a throw is the adapter's bug and is reported as such. It must block only through `host.blocker`.
   */
  start(task: GuestTask, host: GuestHost): GuestExit | Promise<GuestExit>;
}

/** A runtime as the main thread knows it. */
export interface RegisteredRuntime {
  readonly manifest: RuntimeManifest;
  readonly pluginId: string;
  /** `file:` URL of the thread module. */
  readonly threadUrl: string;
  /** Part of the key under which prepared artifacts are cached. */
  readonly version: string;
  readonly state: 'active' | 'inactive';
  /** The plugin's section of the node's configuration, validated. Handed to its guests' threads. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** False: `runtimes.allowed` of the node's configuration leaves it out. */
  readonly allowed: boolean;
  /** Why it is inactive. */
  readonly reason?: string;
}

/** Runtimes by the order that the configuration gives. */
export interface RuntimeRegistry {
  get(name: string): RegisteredRuntime | undefined;
  list(): readonly RegisteredRuntime[];
}
