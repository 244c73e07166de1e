import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, WasmletError } from '../api/errors.ts';
import type { BlobStore } from '../api/image.ts';
import { isDigest } from './reference.ts';

interface BlobDescriptor {
  readonly digest: string;
  readonly size: number;
}

/**
 * Blobs as files `<directory>/sha256/<hex>`, readable by the owner only. A blob appears under its name complete and verified or not at
 * all, so several processes may share a directory; within one process the same blob is written once at a time.
 */
export class FileBlobStore implements BlobStore {
  readonly #directory: string;
  readonly #writing = new Map<string, Promise<void>>();

  /** `directory`: `<root>/images/blobs`; created on the first write. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async has(digest: string): Promise<boolean> {
    return stat(this.path(digest)).then((found) => found.isFile(), isAbsent);
  }

  path(digest: string): string {
    // A digest is a path's last element: nothing else may come through here.
    if (!isDigest(digest)) throw new WasmletError('IMAGE_MANIFEST_INVALID', `${JSON.stringify(digest.slice(0, 100))} is not a sha256 digest`);
    return path.join(this.#directory, 'sha256', digest.slice('sha256:'.length));
  }

  async read(digest: string): Promise<Uint8Array> {
    return readFile(this.path(digest));
  }

  async write(descriptor: BlobDescriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { digest } = descriptor;
    for (let other = this.#writing.get(digest); other !== undefined; other = this.#writing.get(digest)) {
      // The other may fail for reasons of its own (its credentials, its cancellation): then this one tries.
      await other.catch(() => undefined);
    }
    const writing = this.#write(descriptor, content).finally(() => this.#writing.delete(digest));
    this.#writing.set(digest, writing);
    return writing;
  }

  async #write({ digest, size }: BlobDescriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    const target = this.path(digest);
    if (await onDisk('look for', () => this.has(digest))) return;
    const temporary = path.join(this.#directory, `.${randomUUID()}.partial`);
    try {
      await onDisk('create', () => mkdir(path.dirname(target), { recursive: true, mode: 0o700 }));
      const file = await onDisk('create', () => open(temporary, 'wx', 0o600));
      try {
        const hash = createHash('sha256');
        let received = 0;
        for await (const chunk of content) {
          received += chunk.length;
          if (received > size) throw new WasmletError('IMAGE_SIZE_MISMATCH', `blob ${digest} is longer than the ${size} bytes that its descriptor gives`);
          hash.update(chunk);
          await onDisk('write', () => writeAll(file, chunk));
        }
        if (received !== size) throw new WasmletError('IMAGE_SIZE_MISMATCH', `blob ${digest} ended after ${received} bytes; its descriptor gives ${size}`);
        const found = `sha256:${hash.digest('hex')}`;
        if (found !== digest) throw new WasmletError('IMAGE_DIGEST_MISMATCH', `blob ${digest} has the content of ${found}`);
        // A name must not outlive a power cut without its bytes: it would be believed for ever.
        await onDisk('sync', () => file.datasync());
      } finally {
        await file.close();
      }
      await onDisk('store', () => rename(temporary, target));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

async function writeAll(file: { write(bytes: Uint8Array): Promise<{ bytesWritten: number }> }, chunk: Uint8Array): Promise<void> {
  for (let rest = chunk; rest.length > 0; ) {
    const { bytesWritten } = await file.write(rest);
    rest = rest.subarray(bytesWritten);
  }
}

/** A full or broken disk is this node's trouble, not the image's: the pull fails and is tried again. */
async function onDisk<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new WasmletError('IMAGE_PULL_FAILED', `the node cannot ${what} a blob: ${messageOf(error)}`, { cause: error });
  }
}

function isAbsent(error: NodeJS.ErrnoException): false {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
  throw error;
}
