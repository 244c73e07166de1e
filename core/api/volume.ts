/** Volume plugins: core resolves API objects and hands over plain data; a plugin fills a directory. */
import type { Volume } from './kubernetes.ts';

/** A file of a configMap, secret, downwardAPI or projected volume. */
export interface VolumeFile {
  /** Relative, no `..`, no leading `/`. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

export interface VolumeSetUpRequest {
  readonly podUid: string;
  readonly volume: Volume;
  /** `pods/<uid>/volumes/<type>/<name>`; the plugin owns it. May not exist yet. */
  readonly directory: string;
  /** For types whose manifest entry says `payload: files`: the whole content, resolved. */
  readonly files?: readonly VolumeFile[];
  /**
   * A directory for this volume in memory, never written to a disk; 0700, made at the first call, and what `directory` then
   * leads to. With `sizeBytes` it is a file system of its own and of that size where the node may mount, else unbounded.
   * Core removes it after `tearDown`.
   */
  readonly memoryDirectory: (sizeBytes?: number) => Promise<string>;
}

/** Contributed by plugins (`contributes.volumes`). All methods are idempotent. */
export interface VolumePlugin {
  /** Key of the volume source in the pod's spec: `configMap`, `emptyDir`, … */
  readonly type: string;
  /**
   * Called at start and again whenever `files` may have changed; writes only what differs. Answers the host path to mount.
   * Core removes `directory` after `tearDown`, never what `hostPath` names elsewhere.
   */
  setUp(request: VolumeSetUpRequest): Promise<{ readonly hostPath: string }>;
  /** After the pod's containers have ended. */
  tearDown(request: { readonly podUid: string; readonly directory: string }): Promise<void>;
}
