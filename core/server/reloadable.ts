import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../api/clock.ts';
import { messageOf } from '../api/errors.ts';
import type { Logger } from '../api/logger.ts';

/** A value that may be replaced while the server runs: a rotated certificate, a new authority. */
export interface Reloadable<T> {
  /** Undefined while there is none yet. */
  current(): T | undefined;
  /** Returns what ends the subscription. */
  onChange(listener: () => void): () => void;
}

export interface ServingCertificate {
  /** PEM, leaf first. */
  readonly cert: string;
  readonly key: string;
}

/** For what never changes. */
export function fixed<T>(value: T | undefined): Reloadable<T> {
  return { current: () => value, onChange: () => () => {} };
}

export interface ReloadableFilesOptions<T> {
  readonly files: readonly string[];
  /** May throw: the old value then stays in force. */
  readonly parse: (contents: readonly string[]) => T;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds between looks. */
  readonly interval?: number;
}

const defaultInterval = 10_000;

/** A value in files, read again when one of them changes. */
export class ReloadableFiles<T> implements Reloadable<T> {
  readonly #options: ReloadableFilesOptions<T>;
  readonly #listeners = new Set<() => void>();
  #contents: readonly string[] = [];
  #value: T | undefined;
  #cancel = () => {};
  #stopped = false;

  constructor(options: ReloadableFilesOptions<T>) {
    this.#options = options;
  }

  /** Reads them for the first time; throws when they cannot be read or parsed. */
  async start(): Promise<void> {
    await this.#read();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  current(): T | undefined {
    return this.#value;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#cancel = this.#options.clock.after(this.#options.interval ?? defaultInterval, () => {
      void this.#read()
        .catch((error: unknown) => this.#options.logger.warn({ files: this.#options.files, reason: messageOf(error) }, 'changed files not taken; the old ones stay in force'))
        .finally(() => this.#schedule());
    });
  }

  async #read(): Promise<void> {
    const contents = await Promise.all(this.#options.files.map((file) => readFile(file, 'utf8')));
    if (isDeepStrictEqual(contents, this.#contents)) return;
    this.#value = this.#options.parse(contents);
    this.#contents = contents;
    for (const listener of this.#listeners) listener();
  }
}
