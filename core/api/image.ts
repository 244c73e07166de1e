/** Images: what a source plugin does, what the image service answers. */
import type { Artifact } from './artifact.ts';

/** Credentials for one registry, from a pull secret or a docker config. Never logged. */
export interface RegistryCredentials {
  /** Registry host[:port], optionally with a repository path prefix, as the key of `auths` says. */
  readonly registry: string;
  readonly username?: string;
  readonly password?: string;
  /** OAuth2 refresh token (`identitytoken`). */
  readonly identityToken?: string;
}

/** The configuration part of an image that containers inherit (OCI image-spec config; absent for Wasm artifacts). */
export interface ImageConfig {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: readonly (readonly [string, string])[];
  readonly workingDir?: string;
}

/** An image in this node's store. */
export interface Image {
  /** Normalised reference it was asked by, e.g. `docker.io/library/hello:latest`. */
  readonly reference: string;
  /** `<repository>@sha256:<manifest>`: the status' imageID. */
  readonly id: string;
  readonly config: ImageConfig;
  readonly artifact: Artifact;
  /** Manifest, config and layers, in bytes. */
  readonly sizeBytes: number;
}

/** Where a source puts what it fetched, by digest. Verifies each blob's digest and size while writing. */
export interface BlobStore {
  has(digest: string): Promise<boolean>;
  /** Throws IMAGE_DIGEST_MISMATCH or IMAGE_SIZE_MISMATCH; then nothing is kept. Idempotent. */
  write(descriptor: { readonly digest: string; readonly size: number }, content: AsyncIterable<Uint8Array>): Promise<void>;
  path(digest: string): string;
  read(digest: string): Promise<Uint8Array>;
}

/** What a source found for a reference: the manifest it chose and the blob that is the Wasm. */
export interface FetchedImage {
  readonly manifestDigest: string;
  readonly config: ImageConfig;
  /** Digest of the Wasm bytes in the blob store (for Wasm inside a tar layer: of the extracted file). */
  readonly artifactDigest: string;
  readonly artifactName: string;
  readonly sizeBytes: number;
}

export interface ImageReference {
  /** Host[:port], defaults applied (`docker.io`). */
  readonly registry: string;
  /** Path in the registry, defaults applied (`library/hello`). */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Contributed by plugins (`contributes.imageSources`). */
export interface ImageSource {
  readonly name: string;
  /** The manifest digest that the reference has now. */
  resolve(reference: ImageReference, credentials: readonly RegistryCredentials[], signal: AbortSignal): Promise<string>;
  /** Fetches manifest, config and the Wasm layer into `blobs`; refuses an image without Wasm before a layer is fetched. */
  fetch(reference: ImageReference, credentials: readonly RegistryCredentials[], blobs: BlobStore, signal: AbortSignal): Promise<FetchedImage>;
}

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

export interface PullRequest {
  /** As the pod names it. */
  readonly reference: string;
  readonly credentials: readonly RegistryCredentials[];
}

export interface PulledImage {
  readonly image: Image;
  /** Milliseconds of the pull itself, and with the wait for a place. */
  readonly pullMilliseconds: number;
  readonly totalMilliseconds: number;
}

export interface ImageService {
  /** The image in the store, by the reference as the pod names it. Throws IMAGE_NAME_INVALID. */
  find(reference: string): Promise<Image | undefined>;
  /** Bounded, one pull per reference and credentials at a time, with a deadline. Throws the image codes of core/api/errors.ts. */
  pull(request: PullRequest, signal: AbortSignal): Promise<PulledImage>;
  list(): Promise<readonly Image[]>;
}
