import { open, stat, type FileHandle } from 'node:fs/promises';
import { LogFileWatch } from './log-file-watch.ts';

const blockSize = 64 * 1024;
/** The engine splits at 16 KiB; a longer line comes from nobody we know and is dropped, not gathered. */
const maximumLine = 1024 * 1024;
const newline = 0x0a;

export interface Follow {
  /** The container has ended and all it said is in the file. */
  ended(): boolean;
  /** Resolves after a while, at most `milliseconds`; at once when `signal` aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/**
 * The lines of a log file, without their newlines, a batch for each block read; the last `tailLines` of them if given. Only
 * the present file is read, not its rotated parts. With `follow` it goes on, through rotations, until the container has ended.
 * A file that is not there is an empty one: it is made with the first line. Ends when `signal` aborts.
 */
export async function* readLogLines(path: string, options: { readonly tailLines?: number; readonly follow?: Follow; readonly signal: AbortSignal }): AsyncGenerator<Buffer[]> {
  const { follow, signal } = options;
  const splitter = new LineSplitter();
  const watch = follow ? new LogFileWatch(path) : undefined;
  let file = await openIfThere(path);
  try {
    let position = file && options.tailLines !== undefined ? await tailPosition(file, options.tailLines) : 0;
    const drain = async function* (from: FileHandle): AsyncGenerator<Buffer[]> {
      for (;;) {
        const { bytesRead, buffer } = await from.read(Buffer.allocUnsafe(blockSize), 0, blockSize, position);
        if (bytesRead === 0 || signal.aborted) return;
        position += bytesRead;
        const lines = splitter.push(buffer.subarray(0, bytesRead));
        if (lines.length > 0) yield lines;
      }
    };
    while (!signal.aborted) {
      // Asked before reading: what was written before the end is then read.
      const ended = follow?.ended() ?? true;
      watch?.begin();
      file ??= await openIfThere(path);
      if (file) yield* drain(file);
      if (file && follow && (await isReplaced(path, file))) {
        // The writer may have appended between our last read and its rename.
        yield* drain(file);
        yield splitter.end();
        await file.close();
        file = undefined;
        position = 0;
        continue;
      }
      if (ended) break;
      await watch!.wait((milliseconds, either) => follow!.sleep(milliseconds, either), signal);
    }
    if (!signal.aborted) yield splitter.end();
  } finally {
    watch?.close();
    await file?.close();
  }
}

/** Where the last `lines` lines begin, found from the end. */
export async function tailPosition(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  const block = Buffer.allocUnsafe(blockSize);
  let missing = lines;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - blockSize);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      // The newline at the very end closes the last line, it begins none.
      if (block[at] === newline && start + at !== size - 1 && --missing === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** Cuts a byte stream into lines. */
class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);
  #skipping = false;

  push(bytes: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; start = end + 1, end = bytes.indexOf(newline, start)) {
      const piece = bytes.subarray(start, end);
      if (!this.#skipping) lines.push(this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]));
      this.#rest = Buffer.alloc(0);
      this.#skipping = false;
    }
    if (!this.#skipping) this.#rest = Buffer.concat([this.#rest, bytes.subarray(start)]);
    if (this.#rest.length > maximumLine) {
      this.#rest = Buffer.alloc(0);
      this.#skipping = true;
    }
    return lines;
  }

  /** What is left without a newline. */
  end(): Buffer[] {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest.length === 0 ? [] : [rest];
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Rotation: the name leads to another file by now. While it leads nowhere, the old one is all there is. */
async function isReplaced(path: string, file: FileHandle): Promise<boolean> {
  const [open, named] = await Promise.all([
    file.stat(),
    stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    }),
  ]);
  return named !== undefined && (named.ino !== open.ino || named.dev !== open.dev);
}
