import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { messageOf, WasmletError } from '../api/errors.ts';
import type { Clock } from '../api/clock.ts';
import type { BlobStore, FetchedImage, Image, ImageReference, ImageService, ImageSource, PulledImage, PullRequest, RegistryCredentials } from '../api/image.ts';
import type { Logger } from '../api/logger.ts';
import type { ArtifactInspection } from '../api/artifact.ts';
import { inspect, isWasm } from '../wasm/inspect.ts';
import type { ImageIndex, ImageRecord } from './image-index.ts';
import { PullSlots } from './pull-slots.ts';
import { formatReference, parseReference } from './reference.ts';

export interface ImageStoreOptions {
  readonly blobs: BlobStore;
  readonly index: ImageIndex;
  /** Asked at each pull, so that plugins may come later than the store. */
  readonly sources: () => readonly ImageSource[];
  readonly maxParallelPulls: number;
  /** Of one pull, without its wait for a place, in milliseconds. */
  readonly pullDeadline: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface RunningPull {
  readonly result: Promise<PulledImage>;
  readonly controller: AbortController;
  waiters: number;
}

/** The node's images: references in an index, bytes by digest. The only writer of both. */
export class ImageStore implements ImageService {
  readonly #options: ImageStoreOptions;
  readonly #slots: PullSlots;
  readonly #running = new Map<string, RunningPull>();

  constructor(options: ImageStoreOptions) {
    this.#options = options;
    this.#slots = new PullSlots(options.maxParallelPulls);
  }

  async find(reference: string): Promise<Image | undefined> {
    const record = await this.#options.index.get(formatReference(parseReference(reference)));
    return record === undefined ? undefined : this.#present(record);
  }

  async list(): Promise<readonly Image[]> {
    const images = (await this.#options.index.list()).map((record) => this.#present(record));
    return images.filter((image) => image !== undefined);
  }

  async pull(request: PullRequest, signal: AbortSignal): Promise<PulledImage> {
    signal.throwIfAborted();
    const reference = parseReference(request.reference);
    const key = pullKey(reference, request.credentials);
    let pull = this.#running.get(key);
    if (pull === undefined) {
      const controller = new AbortController();
      const started: RunningPull = {
        controller,
        waiters: 0,
        result: this.#pull(reference, request.credentials, controller.signal).finally(() => {
          if (this.#running.get(key) === started) this.#running.delete(key);
        }),
      };
      this.#running.set(key, (pull = started));
    }
    return this.#await(key, pull, signal);
  }

  /** One of those who wait for a pull. When the last has gone, the pull is cancelled and no longer joined. */
  async #await(key: string, pull: RunningPull, signal: AbortSignal): Promise<PulledImage> {
    pull.waiters += 1;
    const gone = Promise.withResolvers<never>();
    const leave = () => gone.reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([pull.result, gone.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
      pull.waiters -= 1;
      if (pull.waiters === 0 && this.#running.get(key) === pull) {
        this.#running.delete(key);
        pull.controller.abort();
      }
    }
  }

  async #pull(reference: ImageReference, credentials: readonly RegistryCredentials[], cancelled: AbortSignal): Promise<PulledImage> {
    const { clock, logger, pullDeadline } = this.#options;
    const name = formatReference(reference);
    const asked = clock.monotonic();
    const release = await this.#slots.take(cancelled);
    const deadline = new AbortController();
    const stopTimer = clock.after(pullDeadline, () => deadline.abort(new WasmletError('REGISTRY_TIMEOUT', `registry ${reference.registry}, repository ${reference.repository}: the pull had not ended after ${pullDeadline / 1000} s`)));
    const began = clock.monotonic();
    try {
      const image = await this.#refresh(reference, name, credentials, AbortSignal.any([cancelled, deadline.signal]));
      const ended = clock.monotonic();
      logger.info({ image: name, id: image.id, milliseconds: Math.round(ended - began) }, 'image pulled');
      return { image, pullMilliseconds: ended - began, totalMilliseconds: ended - asked };
    } catch (error) {
      cancelled.throwIfAborted();
      if (deadline.signal.aborted) throw deadline.signal.reason;
      if (error instanceof WasmletError) throw error;
      throw new WasmletError('IMAGE_PULL_FAILED', `registry ${reference.registry}, repository ${reference.repository}: ${messageOf(error)}`, { cause: error });
    } finally {
      stopTimer();
      release();
    }
  }

  /** Asks what the reference is now and fetches it by that digest, unless it is here already. */
  async #refresh(reference: ImageReference, name: string, credentials: readonly RegistryCredentials[], signal: AbortSignal): Promise<Image> {
    const { blobs, index, sources } = this.#options;
    const source = sourceFor(reference, sources());
    const digest = await source.resolve(reference, credentials, signal);
    const id = `${reference.registry}/${reference.repository}@${digest}`;
    const known = await index.get(name);
    const present = known?.id === id ? this.#present(known) : undefined;
    if (present !== undefined) return present;

    const fetched = await source.fetch({ ...reference, digest }, credentials, blobs, signal);
    signal.throwIfAborted();
    const record = await this.#record(name, `${reference.registry}/${reference.repository}@${fetched.manifestDigest}`, fetched);
    await index.put(record);
    const { format: _, ...image } = record;
    return { ...image, artifact: { ...record.artifact, path: blobs.path(record.artifact.digest) } };
  }

  async #record(reference: string, id: string, fetched: FetchedImage): Promise<ImageRecord> {
    const bytes = await this.#options.blobs.read(fetched.artifactDigest);
    if (!isWasm(bytes)) throw new WasmletError('IMAGE_NO_WASM', `${id} holds no WebAssembly: ${fetched.artifactName} does not begin with Wasm's magic number`);
    const inspection = inspectLeniently(bytes);
    const artifact = { kind: inspection.kind, digest: fetched.artifactDigest, name: fetched.artifactName, sizeBytes: bytes.length, inspection };
    return { format: 2, reference, id, config: fetched.config, artifact, sizeBytes: fetched.sizeBytes };
  }

  /** The image of a record, as long as its bytes are still there. */
  #present({ format: _, ...record }: ImageRecord): Image | undefined {
    const { blobs, logger } = this.#options;
    const path = blobs.path(record.artifact.digest);
    let size: number | undefined;
    try {
      // In place, as its record's.
      size = statSync(path, { throwIfNoEntry: false })?.size;
    } catch (error) {
      // One that the disk does not give back is gone: a pull mends it or says what is wrong, and the other images stay known.
      logger.warn({ image: record.reference, error: messageOf(error) }, 'the image cannot be read');
    }
    return size === record.artifact.sizeBytes ? { ...record, artifact: { ...record.artifact, path } } : undefined;
  }
}

/** A malformed module is a fault of the container that starts it, not of the pull: it is kept with what is wrong with it. */
function inspectLeniently(bytes: Uint8Array): ArtifactInspection {
  try {
    return inspect(bytes);
  } catch (error) {
    if (!(error instanceof WasmletError) || error.code !== 'MODULE_MALFORMED') throw error;
    return { kind: 'module', imports: [], exports: [], memories: [], start: false, gc: false, malformed: error.message };
  }
}

/** A source that is for some references only goes before those that are for all. */
export function sourceFor(reference: ImageReference, sources: readonly ImageSource[]): ImageSource {
  const source = sources.find((candidate) => candidate.accepts?.(reference) === true) ?? sources.find((candidate) => candidate.accepts === undefined);
  if (source === undefined) throw new WasmletError('IMAGE_PULL_FAILED', `registry ${reference.registry}, repository ${reference.repository}: no active plugin contributes a source for it (wasmlet plugins shows their state)`);
  return source;
}

function pullKey(reference: ImageReference, credentials: readonly RegistryCredentials[]): string {
  return createHash('sha256').update(JSON.stringify([formatReference(reference), credentials])).digest('hex');
}
