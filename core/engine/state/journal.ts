import { appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../api/logger.ts';
import { parseJournal } from './journal-entry.ts';
import type { JournalEntry } from './journal-entry.ts';

const fileName = 'journal.jsonl';
/** Entries that say nothing any more before the file is written anew. */
const compactAfter = 200;

/**
 * A pod's attempts and exits on disk, append-only, one JSON object a line, so that nothing finished runs twice after
 * the node was killed. Appends are ordered; they are not synced to the disk: the page cache outlives the process, and
 * a machine that lost power starts its pods anew.
 */
export class Journal {
  readonly #path: string;
  readonly #logger: Logger;
  /** Ends when the last append has. Never rejects. */
  #last: Promise<void> = Promise.resolve();
  #entries: number;
  /** The file may end in half a line. */
  #torn: boolean;

  private constructor(file: string, logger: Logger, entries: number, torn: boolean) {
    this.#path = file;
    this.#logger = logger;
    this.#entries = entries;
    this.#torn = torn;
  }

  /** For a pod that has none yet. The directory exists or is made by the first append's caller. */
  static create(podDirectory: string, logger: Logger): Journal {
    return new Journal(path.join(podDirectory, fileName), logger, 0, false);
  }

  /** The journal of a pod's directory and what it says; undefined when there is none. Lines that cannot be read are skipped. */
  static async read(podDirectory: string, logger: Logger): Promise<{ journal: Journal; entries: JournalEntry[] } | undefined> {
    const file = path.join(podDirectory, fileName);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const { entries, unreadable } = parseJournal(text);
    if (unreadable > 0) logger.warn({ file, unreadable }, 'journal lines could not be read');
    return { journal: new Journal(file, logger, entries.length, !text.endsWith('\n') && text !== ''), entries };
  }

  /** Resolves when the entry is written. Rejects when it could not be; the journal goes on. */
  append(entry: JournalEntry): Promise<void> {
    const written = this.#last.then(() => this.#write(entry));
    this.#last = written.catch(() => {});
    return written;
  }

  /** Replaces the file by `entries` once it has grown far beyond them. */
  compact(entries: () => readonly JournalEntry[]): Promise<void> {
    this.#last = this.#last.then(async () => {
      const kept = entries();
      if (this.#entries - kept.length < compactAfter) return;
      const temporary = `${this.#path}.new`;
      try {
        await writeFile(temporary, kept.map(lineOf).join(''), { mode: 0o600 });
        await rename(temporary, this.#path);
        this.#entries = kept.length;
        this.#torn = false;
      } catch (error) {
        this.#logger.warn({ error, file: this.#path }, 'the journal could not be compacted');
      }
    });
    return this.#last;
  }

  /** Deletes the file, after what is still being written. */
  async remove(): Promise<void> {
    await this.#last;
    await rm(this.#path, { force: true });
  }

  async #write(entry: JournalEntry): Promise<void> {
    const line = lineOf(entry);
    const torn = this.#torn;
    this.#torn = true;
    await appendFile(this.#path, torn ? `\n${line}` : line, { mode: 0o600 });
    this.#torn = false;
    this.#entries += 1;
  }
}

function lineOf(entry: JournalEntry): string {
  return `${JSON.stringify(entry)}\n`;
}
