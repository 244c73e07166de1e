import { closeSync, mkdirSync, openSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { OutputRecord } from '../../guest/rings/output-ring.ts';
import { CriFormatter } from './cri-format.ts';
import { setLogAside, tidyRotatedLogs } from './rotate-log.ts';

export interface LogWriterOptions {
  readonly path: string;
  /** A log at least this long is rotated before the next write (`containerLogMaxSize`). */
  readonly maxBytes: number;
  /** Parts kept, the one being written included (`containerLogMaxFiles`). */
  readonly maxFiles: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const fileMode = 0o640;
/** The descriptor is given back when nothing was written for so long. */
const idleMilliseconds = 10_000;
/** Pause before a failed write is tried again. */
const retryMilliseconds = 500;
/** How long a container's end waits for a disk that takes nothing, before the rest of its output is given up. */
const endDeadlineMilliseconds = 10_000;

const nothing = Promise.resolve();
const noTimer = (): void => {};

/** The one writer of one CRI log file. */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #format = new CriFormatter();
  #file: FileHandle | undefined;
  #size = 0;
  #cancelIdle = noTimer;
  #rotating: Promise<void> = nothing;
  #giveUpAt = Infinity;
  /** Writes one after the other. */
  #last: Promise<void> = nothing;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#create();
  }

  /**
   * Resolves when the records are in the file. A disk that is full or fails is tried again until it takes them, with one
   * warning; whoever waits for this is held back.
   */
  append(records: readonly OutputRecord[]): Promise<void> {
    return this.#enqueue(() => this.#format.format(records));
  }

  /** From now on a disk that takes nothing is waited for only so long: the container's end must become known. */
  guestEnded(): void {
    this.#giveUpAt = Math.min(this.#giveUpAt, this.#options.clock.monotonic() + endDeadlineMilliseconds);
  }

  /** Writes what is left of unfinished lines and closes the file. */
  async close(): Promise<void> {
    await this.#enqueue(() => this.#format.flush());
    this.#cancelIdle();
    await this.#release();
    await this.#rotating;
  }

  #enqueue(produce: () => Buffer): Promise<void> {
    this.#last = this.#last.then(() => this.#write(produce()));
    return this.#last;
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#cancelIdle();
    let warned = false;
    for (let rest = bytes; rest.length > 0; ) {
      try {
        if (this.#size >= this.#options.maxBytes) await this.#rotate();
        const file = this.#file ?? (await this.#open());
        const { bytesWritten } = await file.write(rest);
        this.#size += bytesWritten;
        rest = rest.subarray(bytesWritten);
      } catch (error) {
        if (!warned) this.#warn(error);
        warned = true;
        await this.#release();
        if (this.#options.clock.monotonic() >= this.#giveUpAt) {
          this.#options.logger.error({ error, log: this.#options.path, lostBytes: rest.length }, 'the end of a container log could not be written');
          return;
        }
        await this.#options.clock.sleep(retryMilliseconds);
      }
    }
    this.#closeWhenIdle();
  }

  /** A silent container has an empty log, not a missing one. In place: the thread pool takes longer than these calls. */
  #create(): void {
    const { path: file } = this.#options;
    try {
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
      closeSync(openSync(file, 'a', fileMode));
    } catch (error) {
      this.#warn(error);
    }
  }

  async #open(): Promise<FileHandle> {
    await mkdir(path.dirname(this.#options.path), { recursive: true, mode: 0o755 });
    const file = await open(this.#options.path, 'a', fileMode);
    this.#file = file;
    this.#size = (await file.stat()).size;
    return file;
  }

  async #release(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // What was written is written; a close that fails says nothing about it.
    await file?.close().catch((error: unknown) => this.#warn(error));
  }

  #closeWhenIdle(): void {
    this.#cancelIdle = this.#options.clock.after(idleMilliseconds, () => {
      this.#cancelIdle = noTimer;
      this.#last = this.#last.then(() => this.#release());
    });
  }

  async #rotate(): Promise<void> {
    const { path: file, maxFiles, clock } = this.#options;
    await this.#rotating;
    if (!(await setLogAside(file, clock.now()))) return;
    await this.#release();
    await this.#open();
    // Compressing takes a while and holds nobody back.
    this.#rotating = tidyRotatedLogs(file, maxFiles - 1).catch((error: unknown) => this.#warn(error));
  }

  #warn(error: unknown): void {
    this.#options.logger.warn({ error: messageOf(error), log: this.#options.path }, 'a container log cannot be written');
  }
}
