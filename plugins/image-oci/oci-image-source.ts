import { readFile } from 'node:fs/promises';
import { messageOf, WasmletError } from '../../core/api/errors.ts';
import type { BlobStore, FetchedImage, ImageReference, ImageSource, PushedImage, PushRequest, RegistryCredentials } from '../../core/api/image.ts';
import { DistributionRepository } from './distribution/distribution-repository.ts';
import { selectCredentials } from './distribution/select-credentials.ts';
import { fetchImage } from './fetch-image.ts';
import { buildManifest } from './format/build-manifest.ts';
import { LayoutRepository } from './layout/layout-repository.ts';
import type { RegistryEntry, RepositoryLocation } from './registry-entry.ts';
import { locate } from './registry-entry.ts';
import type { Repository } from './repository.ts';

export interface OciImageSourceOptions {
  readonly registries: readonly RegistryEntry[];
  readonly stallMilliseconds: number;
  readonly maxLayerBytes: number;
}

/** Images from OCI distribution registries and OCI image layouts. Holds nothing between calls. */
export class OciImageSource implements ImageSource {
  readonly name = 'oci';
  readonly #options: OciImageSourceOptions;

  constructor(options: OciImageSourceOptions) {
    this.#options = options;
  }

  async resolve(reference: ImageReference, credentials: readonly RegistryCredentials[], signal: AbortSignal): Promise<string> {
    return this.#withRepository(reference, credentials, 'pull', signal, (repository) => repository.resolve(target(reference)));
  }

  async fetch(reference: ImageReference, credentials: readonly RegistryCredentials[], blobs: BlobStore, signal: AbortSignal): Promise<FetchedImage> {
    return this.#withRepository(reference, credentials, 'pull', signal, (repository) =>
      fetchImage({ repository, reference: target(reference), name: reference.repository, blobs, maxLayerBytes: this.#options.maxLayerBytes, signal }));
  }

  async push(reference: ImageReference, credentials: readonly RegistryCredentials[], request: PushRequest, signal: AbortSignal): Promise<PushedImage> {
    const image = buildManifest(request);
    return this.#withRepository(reference, credentials, 'pull,push', signal, async (repository) => {
      await repository.pushBlob(image.layer, request.bytes, (sent) => request.progress?.(sent));
      await repository.pushBlob(image.config.descriptor, image.config.bytes);
      await repository.pushManifest(reference.tag ?? image.manifest.digest, image.manifest.mediaType, image.manifest);
      return {
        manifestDigest: image.manifest.digest,
        layerDigest: image.layer.digest,
        sizeBytes: image.manifest.bytes.length + image.config.bytes.length + image.layer.size,
      };
    });
  }

  /** Tries the credentials that are for the repository in turn (several pull secrets may name one registry), without any when there are none. */
  async #withRepository<T>(reference: ImageReference, credentials: readonly RegistryCredentials[], actions: 'pull' | 'pull,push', signal: AbortSignal, work: (repository: Repository) => Promise<T>): Promise<T> {
    const location = locate(reference, this.#options.registries);
    const candidates = location.kind === 'layout' ? [] : selectCredentials(credentials, location.credentialsHost, location.repository);
    const attempts: readonly (RegistryCredentials | undefined)[] = candidates.length === 0 ? [undefined] : candidates;
    let denied: unknown;
    for (const candidate of attempts) {
      const repository = await this.#open(location, reference, candidate, actions, signal);
      try {
        return await work(repository);
      } catch (error) {
        if (!(error instanceof WasmletError) || (error.code !== 'IMAGE_UNAUTHORIZED' && error.code !== 'IMAGE_FORBIDDEN')) throw error;
        denied ??= error;
      } finally {
        repository.close();
      }
    }
    throw denied;
  }

  async #open(location: RepositoryLocation, reference: ImageReference, credentials: RegistryCredentials | undefined, actions: 'pull' | 'pull,push', signal: AbortSignal): Promise<Repository> {
    if (location.kind === 'layout') return new LayoutRepository({ directory: location.directory, repository: location.repository, name: `${reference.registry}/${reference.repository}`, signal });
    const ca = location.ca === undefined ? undefined : await readCa(location.ca, location, signal);
    return new DistributionRepository({
      origin: location.origin,
      repository: location.repository,
      actions,
      stallMilliseconds: this.#options.stallMilliseconds,
      signal,
      ...(credentials === undefined ? {} : { credentials }),
      ...(ca === undefined ? {} : { ca }),
    });
  }
}

function target(reference: ImageReference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

/** Read at each use: an authority may be renewed while the node runs. */
async function readCa(file: string, location: { readonly origin: string; readonly repository: string }, signal: AbortSignal): Promise<string> {
  try {
    return await readFile(file, { encoding: 'utf8', signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new WasmletError('REGISTRY_UNAVAILABLE', `registry ${new URL(location.origin).host}, repository ${location.repository}: registries[].ca: ${messageOf(error)}`, { cause: error });
  }
}
