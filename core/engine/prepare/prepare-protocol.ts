import type { ArtifactInspection, ArtifactKind } from '../../api/artifact.ts';
import type { ErrorCode } from '../../api/errors.ts';
import type { RewriteOptions } from '../../wasm/rewrite-module.ts';

/** What the engine asks of a prepare process, once. */
export interface PrepareJob {
  readonly kind: ArtifactKind;
  /** Where the artifact's bytes are. */
  readonly path: string;
  readonly digest: string;
  readonly inspection: ArtifactInspection;
  /** The runtime's thread module, whose `prepare` is called for components. */
  readonly threadUrl: string;
  /** An empty directory for what comes of it. */
  readonly directory: string;
  readonly rewriting: RewriteOptions;
}

/** `prepared.json` in that directory: what lies beside it. */
export interface PreparedIndex {
  /** File names of limited core modules, by module name. */
  readonly modules: Readonly<Record<string, string>>;
  readonly glue?: string;
}

export const indexFile = 'prepared.json';

export type PrepareReply =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
