import { WasmletError } from '../../core/api/errors.ts';
import type { ErrorCode } from '../../core/api/errors.ts';

/** An OCI content descriptor (image-spec, descriptor.md) after validation. */
export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:<64 hex>`. */
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RawManifest {
  readonly bytes: Uint8Array;
  /** Of the bytes; when the manifest was asked for by digest, verified to be that one. */
  readonly digest: string;
  /** As the registry or the layout's index says. */
  readonly mediaType?: string;
}

/** Manifests are read into memory: distribution-spec, "at least 4 MiB". */
export const largestManifest = 4 * 2 ** 20;

/** One repository, wherever it is kept. `reference` is a tag or a digest. */
export interface Repository {
  /** For messages: `registry HOST, repository NAME`. */
  readonly description: string;
  resolve(reference: string): Promise<string>;
  manifest(reference: string): Promise<RawManifest>;
  /** The content as it comes, unverified; who stores it verifies. */
  blob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
  pushBlob(descriptor: Descriptor, bytes: Uint8Array, progress?: (sentBytes: number) => void): Promise<void>;
  pushManifest(reference: string, mediaType: string, raw: RawManifest): Promise<void>;
  /** Closes connections. */
  close(): void;
}

/** Every failure says where it happened. */
export function failure(repository: { readonly description: string }, code: ErrorCode, cause: string, error?: unknown): WasmletError {
  return new WasmletError(code, `${repository.description}: ${cause}`, error === undefined ? undefined : { cause: error });
}
