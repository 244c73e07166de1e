import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WasmletError, messageOf } from '../../../core/api/errors.ts';
import { digestOf } from '../format/build-manifest.ts';
import { descriptor, record } from '../format/read-manifest.ts';
import type { Descriptor, RawManifest, Repository } from '../repository.ts';
import { failure, largestManifest } from '../repository.ts';

const refName = 'org.opencontainers.image.ref.name';
/** containerd writes the whole reference here, and only the tag in ref.name. */
const containerdName = 'io.containerd.image.name';

export interface LayoutRepositoryOptions {
  readonly directory: string;
  /** Repository inside the layout; empty when the whole layout is one repository, whose images are named by their tags. */
  readonly repository: string;
  /** The reference's `registry/repository`, as the user knows it. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/**
 * A repository in an OCI image layout (image-spec, image-layout.md): a directory with `oci-layout`, `index.json` and `blobs/`. An image is
 * found by `org.opencontainers.image.ref.name` = `repository:tag`, or by the whole reference as containerd exports it.
 */
export class LayoutRepository implements Repository {
  readonly #directory: string;
  readonly #repository: string;
  readonly #name: string;
  readonly #signal: AbortSignal;

  constructor(options: LayoutRepositoryOptions) {
    this.#directory = path.resolve(options.directory);
    this.#repository = options.repository;
    this.#name = options.name;
    this.#signal = options.signal;
  }

  get description(): string {
    return `OCI layout ${this.#directory}, repository ${this.#repository || this.#name}`;
  }

  async resolve(reference: string): Promise<string> {
    if (reference.startsWith('sha256:')) {
      if (await this.#has(reference)) return reference;
      throw failure(this, 'IMAGE_NOT_FOUND', `there is no ${reference}`);
    }
    return (await this.#entry(reference)).digest;
  }

  async manifest(reference: string): Promise<RawManifest> {
    const digest = await this.resolve(reference);
    const file = this.#blobPath(digest);
    const { size } = await stat(file);
    if (size > largestManifest) throw failure(this, 'IMAGE_MANIFEST_INVALID', `the manifest ${digest} is ${size} bytes long; ${largestManifest} are the most`);
    const bytes = await readFile(file, { signal: this.#signal });
    const found = digestOf(bytes);
    if (found !== digest) throw failure(this, 'IMAGE_DIGEST_MISMATCH', `the manifest ${digest} has the content of ${found}`);
    return { bytes, digest };
  }

  async *blob({ digest }: Descriptor): AsyncIterable<Uint8Array> {
    try {
      yield* createReadStream(this.#blobPath(digest), { signal: this.#signal }) as AsyncIterable<Uint8Array>;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw failure(this, (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'IMAGE_NOT_FOUND' : 'REGISTRY_UNAVAILABLE', `blob ${digest} cannot be read: ${messageOf(error)}`, error);
    }
  }

  async pushBlob({ digest }: Descriptor, bytes: Uint8Array, progress?: (sentBytes: number) => void): Promise<void> {
    if (!(await this.#has(digest))) await this.#replace(this.#blobPath(digest), bytes);
    progress?.(bytes.length);
  }

  /** One writer at a time: the index is read, changed and replaced. */
  async pushManifest(reference: string, mediaType: string, { bytes, digest }: RawManifest): Promise<void> {
    await this.#replace(this.#blobPath(digest), bytes);
    const index = await this.#index();
    const name = this.#names(reference)[0];
    const others = list(index).filter((entry) => annotation(entry, refName) !== name);
    const manifests = [...others, { mediaType, digest, size: bytes.length, annotations: { [refName]: name } }];
    await this.#replace(path.join(this.#directory, 'oci-layout'), encode({ imageLayoutVersion: '1.0.0' }));
    await this.#replace(path.join(this.#directory, 'index.json'), encode({ ...index, schemaVersion: 2, manifests }));
  }

  close(): void {
    // Files are closed by whoever read them.
  }

  async #entry(tag: string): Promise<Descriptor> {
    const names = this.#names(tag);
    const whole = `${this.#name}:${tag}`;
    const entries = list(await this.#index());
    const found = entries.find((entry) => names.includes(annotation(entry, refName) ?? '') || annotation(entry, containerdName) === whole);
    if (found === undefined) {
      const known = entries.map((entry) => annotation(entry, containerdName) ?? annotation(entry, refName)).filter((name) => name !== undefined);
      throw failure(this, 'IMAGE_NOT_FOUND', `there is no ${names[0]}; ${known.length === 0 ? 'the layout names no images' : `the layout has ${known.slice(0, 10).join(', ')}`}`);
    }
    try {
      return descriptor(found, 'index.json: manifest');
    } catch (error) {
      throw failure(this, 'IMAGE_MANIFEST_INVALID', messageOf(error), error);
    }
  }

  /** What `ref.name` may be; the first is what we write. */
  #names(tag: string): [string, ...string[]] {
    const whole = `${this.#name}:${tag}`;
    return this.#repository === '' ? [tag, whole] : [`${this.#repository}:${tag}`, whole];
  }

  /** index.json; an empty one where there is no layout yet. */
  async #index(): Promise<Record<string, unknown>> {
    const file = path.join(this.#directory, 'index.json');
    try {
      return record(JSON.parse(await readFile(file, { encoding: 'utf8', signal: this.#signal })), file);
    } catch (error) {
      this.#signal.throwIfAborted();
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw failure(this, 'REGISTRY_UNAVAILABLE', `the layout cannot be read: ${messageOf(error)}`, error);
    }
  }

  async #has(digest: string): Promise<boolean> {
    return stat(this.#blobPath(digest)).then(
      (found) => found.isFile(),
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
        throw failure(this, 'REGISTRY_UNAVAILABLE', `the layout cannot be read: ${error.message}`, error);
      },
    );
  }

  #blobPath(digest: string): string {
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw failure(this, 'IMAGE_MANIFEST_INVALID', `${JSON.stringify(digest.slice(0, 100))} is not a sha256 digest`);
    return path.join(this.#directory, 'blobs', 'sha256', digest.slice('sha256:'.length));
  }

  async #replace(file: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${file}.${randomUUID()}.partial`;
    try {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(temporary, bytes, { signal: this.#signal });
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      this.#signal.throwIfAborted();
      if (error instanceof WasmletError) throw error;
      throw failure(this, 'REGISTRY_UNAVAILABLE', `the layout cannot be written: ${messageOf(error)}`, error);
    }
  }
}

function list(index: Record<string, unknown>): unknown[] {
  return Array.isArray(index['manifests']) ? index['manifests'] : [];
}

function annotation(entry: unknown, key: string): string | undefined {
  const annotations = (entry as { annotations?: Record<string, unknown> } | null)?.annotations;
  const value = annotations?.[key];
  return typeof value === 'string' ? value : undefined;
}

function encode(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
