import { appendFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import { removeFile } from '../remove-file.ts';
import { parseJournal, withoutRemoved } from './journal-entry.ts';
import type { JournalEntry } from './journal-entry.ts';

const fileName = 'journal.jsonl';
/** Attempts removed before the file is written anew without them. */
const compactAfter = 50;

/**
 * A pod's attempts and exits on disk, append-only, one JSON object a line, so that nothing finished runs twice after
 * the node was killed. Appends are ordered; they are not synced to the disk: the page cache outlives the process, and
 * a machine that lost power starts its pods anew. Each is one small write into that cache, made in place: 10 µs, of which
 * the way through the thread pool and back would make 200, four times in each container's life.
 */
export class Journal {
  readonly #path: string;
  readonly #logger: Logger;
  /** Ends when the last append has. Never rejects. */
  #last: Promise<void> = Promise.resolve();
  #removed = 0;
  /** The file may end in half a line. */
  #torn: boolean;

  private constructor(file: string, logger: Logger, torn: boolean) {
    this.#path = file;
    this.#logger = logger;
    this.#torn = torn;
  }

  /** For a pod that has none yet. The directory exists or is made by the first append's caller. */
  static create(podDirectory: string, logger: Logger): Journal {
    return new Journal(path.join(podDirectory, fileName), logger, false);
  }

  /** The journal of a pod's directory and what it says; undefined when there is none. Lines that cannot be read are skipped. */
  static async read(podDirectory: string, logger: Logger): Promise<{ journal: Journal; entries: JournalEntry[] } | undefined> {
    const file = path.join(podDirectory, fileName);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
    const { entries, unreadable } = parseJournal(text);
    if (unreadable > 0) logger.warn({ file, unreadable }, 'journal lines could not be read');
    return { journal: new Journal(file, logger, !text.endsWith('\n') && text !== ''), entries };
  }

  /** Resolves when the entry is written. Rejects when it could not be; the journal goes on. */
  append(entry: JournalEntry): Promise<void> {
    const written = this.#last.then(() => this.#write(entry));
    this.#last = written.catch(() => {});
    if (entry.type === 'remove' && ++this.#removed % compactAfter === 0) this.#last = this.#last.then(() => this.#compact());
    return written;
  }

  /** Deletes the file, after what is still being written. */
  async remove(): Promise<void> {
    await this.#last;
    await removeFile(this.#path);
  }

  #write(entry: JournalEntry): void {
    const line = lineOf(entry);
    const torn = this.#torn;
    this.#torn = true;
    appendFileSync(this.#path, torn ? `\n${line}` : line, { mode: 0o600 });
    this.#torn = false;
  }

  /** Writes the file anew without the attempts that were removed. */
  async #compact(): Promise<void> {
    const temporary = `${this.#path}.new`;
    try {
      const { entries } = parseJournal(await readFile(this.#path, 'utf8'));
      await writeFile(temporary, withoutRemoved(entries).map(lineOf).join(''), { mode: 0o600 });
      await rename(temporary, this.#path);
      this.#torn = false;
    } catch (error) {
      this.#logger.warn({ error: messageOf(error), file: this.#path }, 'the journal could not be compacted');
    }
  }
}

function lineOf(entry: JournalEntry): string {
  return `${JSON.stringify(entry)}\n`;
}
