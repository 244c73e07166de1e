import { messageOf, WasmletError } from '../../core/api/errors.ts';
import type { ErrorCode } from '../../core/api/errors.ts';
import type { BlobStore, FetchedImage } from '../../core/api/image.ts';
import { extractWasm } from './archive/extract-wasm.ts';
import { readLayer } from './archive/read-layer.ts';
import { digestOf } from './format/build-manifest.ts';
import { choosePlatform, platformsOf } from './format/choose-platform.ts';
import { baseName, findWasm } from './format/find-wasm.ts';
import type { WasmLocation } from './format/find-wasm.ts';
import { readManifest } from './format/read-manifest.ts';
import type { Manifest } from './format/read-manifest.ts';
import type { Descriptor, RawManifest, Repository } from './repository.ts';
import { failure, largestManifest } from './repository.ts';

export interface FetchImageRequest {
  readonly repository: Repository;
  /** Tag or digest. */
  readonly reference: string;
  /** The repository as the user knows it: its last element names a Wasm file that has no name of its own. */
  readonly name: string;
  readonly blobs: BlobStore;
  readonly maxLayerBytes: number;
  readonly signal: AbortSignal;
}

type ImageManifest = Extract<Manifest, { kind: 'manifest' }>;

/** An index may lead to an index; no further. */
const deepestIndex = 2;
/** A layer may unpack to so many times the largest Wasm file. */
const unpackFactor = 4;
const mostEntries = 100_000;

/** Manifest, then configuration, then, only if the two say that there is Wasm, the layer that holds it. */
export async function fetchImage(request: FetchImageRequest): Promise<FetchedImage> {
  const { repository, blobs } = request;
  const top = await repository.manifest(request.reference);
  const { manifest, raws } = await chooseManifest(repository, top);
  for (const { digest, bytes } of raws) await store(repository, blobs, { digest, size: bytes.length }, once(bytes));

  bounded(repository, 'configuration', manifest.config, largestManifest);
  await store(repository, blobs, manifest.config, repository.blob(manifest.config));
  const configBytes = await blobs.read(manifest.config.digest);
  const location = explained(repository, 'IMAGE_MANIFEST_INVALID', () => findWasm(manifest, configBytes));
  if (location.kind === 'refused') throw failure(repository, location.code, location.cause);

  const artifact = location.kind === 'layer' ? await fetchLayer(request, location) : await fetchFromArchive(request, location);
  return {
    manifestDigest: top.digest,
    config: location.config,
    artifactDigest: artifact.digest,
    artifactName: artifact.name ?? `${baseName(request.name)}.wasm`,
    sizeBytes: [...raws.map(({ bytes }) => bytes.length), manifest.config.size, ...manifest.layers.map(({ size }) => size)].reduce((sum, size) => sum + size, 0),
  };
}

/** Down from an index to the image for Wasm, with all that was read on the way. */
async function chooseManifest(repository: Repository, top: RawManifest): Promise<{ readonly manifest: ImageManifest; readonly raws: readonly RawManifest[] }> {
  const raws = [top];
  for (let raw = top; ; ) {
    const read = explained(repository, 'IMAGE_MANIFEST_INVALID', () => readManifest(raw));
    if (read.kind === 'manifest') return { manifest: read, raws };
    if (raws.length > deepestIndex) throw failure(repository, 'IMAGE_MANIFEST_INVALID', `its indexes lead to indexes more than ${deepestIndex} deep`);
    const chosen = choosePlatform(read.manifests);
    if (chosen === undefined) throw failure(repository, 'IMAGE_NO_WASM', read.manifests.length === 0 ? 'the index is empty' : `the image holds no WebAssembly: its platforms are ${platformsOf(read.manifests)}`);
    raw = await repository.manifest(chosen.digest);
    raws.push(raw);
  }
}

async function fetchLayer({ repository, blobs, maxLayerBytes }: FetchImageRequest, { layer, name }: Extract<WasmLocation, { kind: 'layer' }>): Promise<{ readonly digest: string; readonly name?: string }> {
  bounded(repository, 'Wasm layer', layer, maxLayerBytes);
  await store(repository, blobs, layer, repository.blob(layer));
  return { digest: layer.digest, ...(name === undefined ? {} : { name }) };
}

async function fetchFromArchive(request: FetchImageRequest, location: Extract<WasmLocation, { kind: 'archive' }>): Promise<{ readonly digest: string; readonly name: string }> {
  const { repository, blobs, maxLayerBytes, signal } = request;
  const limits = { fileBytes: maxLayerBytes, layerBytes: unpackFactor * maxLayerBytes, entries: mostEntries };
  const file = await extractWasm(location.layers, location.entrypoint, async (layer, wanted) => {
    bounded(repository, 'layer', layer, maxLayerBytes);
    await store(repository, blobs, layer, repository.blob(layer));
    return readLayer(blobs.path(layer.digest), layer, wanted, limits, signal);
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error instanceof WasmletError ? error : failure(repository, 'IMAGE_ARCHIVE_INVALID', `a layer cannot be unpacked: ${messageOf(error)}`, error);
  });
  if (file === undefined) throw failure(repository, 'IMAGE_NO_WASM', `the image holds no WebAssembly: there is no ${location.entrypoint === undefined ? '.wasm file' : `/${location.entrypoint}`} in its ${location.layers.length} layers`);
  const digest = digestOf(file.bytes);
  await store(repository, blobs, { digest, size: file.bytes.length }, once(file.bytes));
  return { digest, name: baseName(file.path) };
}

/** The store knows the blob only; the message is to say where it came from, too. */
async function store(repository: Repository, blobs: BlobStore, descriptor: { readonly digest: string; readonly size: number }, content: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await blobs.write(descriptor, content);
  } catch (error) {
    if (error instanceof WasmletError && (error.code === 'IMAGE_DIGEST_MISMATCH' || error.code === 'IMAGE_SIZE_MISMATCH')) throw failure(repository, error.code, error.message, error);
    throw error;
  }
}

function bounded(repository: Repository, what: string, { size }: Descriptor, limit: number): void {
  if (size > limit) throw failure(repository, 'IMAGE_MANIFEST_INVALID', `its ${what} is ${size} bytes long; ${limit} are the most`);
}

function explained<T>(repository: Repository, code: ErrorCode, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw failure(repository, code, messageOf(error), error);
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
