import { readFile } from 'node:fs/promises';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';

const interval = 10_000;

/** Files that somebody else replaces (a rotated certificate, a new authority), as one value. Until `stop`. */
export class ReloadedFiles<T> {
  readonly #files: readonly string[];
  readonly #parse: (texts: readonly string[]) => T;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<() => void>();
  readonly #stopped = new AbortController();
  #seen = '';
  #value: T | undefined;

  constructor(files: readonly string[], parse: (texts: readonly string[]) => T, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.#files = files;
    this.#parse = parse;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Throws when they cannot be read at first; later changes that cannot be read leave the old value. */
  async start(): Promise<void> {
    await this.#read();
    this.#schedule();
  }

  current(): T | undefined {
    return this.#value;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#stopped.abort();
  }

  #schedule(): void {
    if (this.#stopped.signal.aborted) return;
    const cancel = this.#clock.after(interval, () => {
      this.#read()
        .catch((error: unknown) => this.#logger.warn({ error: messageOf(error), files: this.#files }, 'Changed files were not taken'))
        .finally(() => this.#schedule());
    });
    this.#stopped.signal.addEventListener('abort', cancel, { once: true });
  }

  async #read(): Promise<void> {
    const texts = await Promise.all(this.#files.map((file) => readFile(file, 'utf8')));
    const seen = texts.join('\0');
    if (seen === this.#seen) return;
    this.#value = this.#parse(texts);
    this.#seen = seen;
    for (const listener of this.#listeners) listener();
  }
}
