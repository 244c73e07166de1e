import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../api/clock.ts';
import { indexFile } from './prepare-protocol.ts';
import type { PreparedIndex } from './prepare-protocol.ts';

/** One prepared artifact on disk. */
export interface StoredArtifact {
  readonly directory: string;
  readonly index: PreparedIndex;
}

/** `.new-<process>-<random>`: the programs of a user, each a process, share one store. */
const temporaryPrefix = '.new-';

/** `<root>/prepared/<key>/`: what prepare processes made, bounded in size, oldest use first out. */
export class PreparedStore {
  readonly #root: string;
  readonly #maxBytes: number;
  readonly #clock: Clock;

  constructor(options: { directory: string; maxBytes: number; clock: Clock }) {
    this.#root = options.directory;
    this.#maxBytes = options.maxBytes;
    this.#clock = options.clock;
  }

  /** Undefined when it is not there. Finding it counts as use. */
  async find(key: string): Promise<StoredArtifact | undefined> {
    const directory = path.join(this.#root, key);
    try {
      const index = JSON.parse(await readFile(path.join(directory, indexFile), 'utf8')) as PreparedIndex;
      const now = this.#clock.now() / 1000;
      await utimes(directory, now, now);
      return { directory, index };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Keeps what `make` puts into an empty directory, all or nothing. `inUse`: keys that must not be evicted for it.
   * @throws what `make` throws
   */
  async add(key: string, inUse: ReadonlySet<string>, make: (directory: string) => Promise<void>): Promise<StoredArtifact> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    const temporary = await mkdtemp(path.join(this.#root, `${temporaryPrefix}${process.pid}-`));
    const directory = path.join(this.#root, key);
    try {
      await make(temporary);
      await this.#put(temporary, key);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    await this.#evict(new Set([...inUse, key]));
    return { directory, index: JSON.parse(await readFile(path.join(directory, indexFile), 'utf8')) as PreparedIndex };
  }

  /** Deletes what killed processes left half made. Before the first `add` only. */
  async clean(): Promise<void> {
    for (const name of await this.#names()) {
      if (name.startsWith(temporaryPrefix) && !isOfAnother(name)) await rm(path.join(this.#root, name), { recursive: true, force: true });
    }
  }

  /** Another process may have made the same meanwhile, and use it: then its is kept. */
  async #put(temporary: string, key: string): Promise<void> {
    const directory = path.join(this.#root, key);
    try {
      await rename(temporary, directory);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      if ((await this.find(key)) !== undefined) return;
      await rm(directory, { recursive: true, force: true });
      await rename(temporary, directory);
    }
  }

  async #evict(kept: ReadonlySet<string>): Promise<void> {
    const entries = await Promise.all((await this.#names()).filter((name) => !name.startsWith(temporaryPrefix)).map((name) => this.#measure(name)));
    entries.sort((left, right) => left.usedAt - right.usedAt);
    let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { name, bytes } of entries) {
      if (total <= this.#maxBytes) return;
      if (kept.has(name)) continue;
      await rm(path.join(this.#root, name), { recursive: true, force: true });
      total -= bytes;
    }
  }

  async #measure(name: string): Promise<{ name: string; bytes: number; usedAt: number }> {
    const directory = path.join(this.#root, name);
    const files = await readdir(directory, { recursive: true, withFileTypes: true });
    const sizes = await Promise.all(files.filter((file) => file.isFile()).map((file) => stat(path.join(file.parentPath, file.name))));
    return { name, bytes: sizes.reduce((sum, { size }) => sum + size, 0), usedAt: (await stat(directory)).mtimeMs };
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#root);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}

/** Whether a living process other than this one is making it. */
function isOfAnother(name: string): boolean {
  const pid = Number(name.slice(temporaryPrefix.length).split('-')[0]);
  return Number.isInteger(pid) && pid > 0 && pid !== process.pid && existsSync(`/proc/${pid}`);
}
