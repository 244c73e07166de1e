import { watch, type FSWatcher } from 'node:fs';
import path from 'node:path';

/** How long a change may go unseen where nothing tells us: the container's end, a directory that cannot be watched yet. */
const longestWait = 250;

/** Wakes a follower when its log file grows or is rotated. Watches the directory: a rename changes what the name means. */
export class LogFileWatch {
  readonly #directory: string;
  #watcher: FSWatcher | undefined;
  #changed = new AbortController();

  constructor(file: string) {
    this.#directory = path.dirname(file);
  }

  /** From here on a change ends the next `wait`, also one that comes before it. */
  begin(): void {
    this.#changed = new AbortController();
    if (this.#watcher) return;
    try {
      const watcher = watch(this.#directory, { persistent: false }, () => this.#changed.abort());
      // Without it, polling goes on: a node may be out of inotify watches.
      watcher.on('error', () => this.close());
      this.#watcher = watcher;
    } catch {
      this.#watcher = undefined;
    }
  }

  async wait(sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    await sleep(longestWait, AbortSignal.any([signal, this.#changed.signal]));
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
