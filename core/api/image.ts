/** Images: what a source plugin does, what the image service answers. */
import type { Artifact, ArtifactInspection } from './artifact.ts';

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
  /** Of what the reference names: the manifest, or the index of which one manifest was chosen. */
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

/** `cncf`: CNCF Wasm OCI artifact, config v0. `wasm-to-oci`: what Krustlet's tool of that name writes. */
export type PushFormat = 'cncf' | 'wasm-to-oci';

/** One Wasm file to be stored as an image. */
export interface PushRequest {
  readonly bytes: Uint8Array;
  /** As the user typed it; the layer's title. */
  readonly fileName: string;
  readonly format: PushFormat;
  readonly inspection: ArtifactInspection;
  /** RFC 3339; part of the CNCF format, and so of its digest. */
  readonly created: string;
  /** Called with the bytes of the Wasm layer that have been handed to the registry so far. */
  progress?(sentBytes: number): void;
}

export interface PushedImage {
  readonly manifestDigest: string;
  /** Digest of the Wasm bytes. */
  readonly layerDigest: string;
  /** Manifest, config and layer, in bytes. */
  readonly sizeBytes: number;
}

/**
 * Contributed by plugins (`contributes.imageSources`). Each method throws the image codes of core/api/errors.ts, with a message
 * that names registry, repository and cause; when `signal` aborts it throws the signal's reason and leaves nothing open.
 */
export interface ImageSource {
  readonly name: string;
  /** Present: this source is for these references only, and is asked before those without it. */
  accepts?(reference: ImageReference): boolean;
  /** The digest that the reference has now, of a manifest or an index. Fetches no layer. */
  resolve(reference: ImageReference, credentials: readonly RegistryCredentials[], signal: AbortSignal): Promise<string>;
  /** Fetches manifest, config and the Wasm layer into `blobs`; refuses an image without Wasm before a layer is fetched. */
  fetch(reference: ImageReference, credentials: readonly RegistryCredentials[], blobs: BlobStore, signal: AbortSignal): Promise<FetchedImage>;
  /** Stores a Wasm file under the reference's tag. Absent: a read-only source. */
  push?(reference: ImageReference, credentials: readonly RegistryCredentials[], request: PushRequest, signal: AbortSignal): Promise<PushedImage>;
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
