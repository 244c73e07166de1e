import { createHash, randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Artifact } from '../api/artifact.ts';
import type { Image } from '../api/image.ts';
import type { Logger } from '../api/logger.ts';

/** An image as it stands on disk: everything but the blob's path, which depends on where the store is. */
export interface ImageRecord extends Omit<Image, 'artifact'> {
  readonly format: 2;
  readonly artifact: Omit<Artifact, 'path'>;
}

/**
 * What each normalised reference was pulled as: one JSON file per reference, replaced atomically, so that it survives restarts and
 * several processes can share a directory.
 */
export class ImageIndex {
  readonly #directory: string;
  readonly #logger: Logger;
  /** What was read, by file, and of which version of it: one record for all that ask, at once or later. */
  readonly #read = new Map<string, { readonly version: string; readonly record: Promise<ImageRecord | undefined> }>();

  /** `directory`: `<root>/images/references`; created on the first write. */
  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
  }

  async get(reference: string): Promise<ImageRecord | undefined> {
    return this.#current(this.#file(reference));
  }

  async put(record: ImageRecord): Promise<void> {
    const file = this.#file(record.reference);
    const temporary = path.join(this.#directory, `.${randomUUID()}.partial`);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    try {
      await writeFile(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600, flush: true });
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async list(): Promise<readonly ImageRecord[]> {
    const names = await readdir(this.#directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const records = await Promise.all(names.filter((name) => name.endsWith('.json')).map((name) => this.#current(path.join(this.#directory, name))));
    return records.filter((record) => record !== undefined);
  }

  /** Read once for each version: another process may have replaced the file, and then it is another one. */
  async #current(file: string): Promise<ImageRecord | undefined> {
    // In place: every start of a container asks, and the thread pool takes longer than the call.
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) {
      this.#read.delete(file);
      return undefined;
    }
    const version = `${found.ino}/${found.mtimeNs}/${found.size}`;
    const known = this.#read.get(file);
    if (known?.version === version) return known.record;
    const record = this.#parse(file);
    this.#read.set(file, { version, record });
    // What failed is no version of it.
    record.catch(() => this.#read.get(file)?.record === record && this.#read.delete(file));
    return record;
  }

  /** A record that cannot be read is as good as none: the image is pulled again and the record replaced. */
  async #parse(file: string): Promise<ImageRecord | undefined> {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const record = JSON.parse(text) as ImageRecord | null;
      if (record?.format === 2) return record;
      this.#logger.warn({ file }, 'image record of another format is ignored');
    } catch (error) {
      this.#logger.warn({ file, error }, 'unreadable image record is ignored');
    }
    return undefined;
  }

  #file(reference: string): string {
    return path.join(this.#directory, `${createHash('sha256').update(reference).digest('hex')}.json`);
  }
}
