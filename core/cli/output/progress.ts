import type { BlobStore } from '../../api/image.ts';

/** One line on a terminal, rewritten in place; on anything else, nothing. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #verb: string;
  #shown = -1;

  constructor(stream: NodeJS.WriteStream, verb: string) {
    this.#stream = stream;
    this.#verb = verb;
  }

  update(done: number, total: number): void {
    if (!this.#stream.isTTY) return;
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    if (percent === this.#shown) return;
    this.#shown = percent;
    this.#stream.write(`\r\x1b[K${this.#verb} ${formatBytes(done)} of ${formatBytes(total)} (${percent} %)`);
  }

  end(): void {
    if (this.#stream.isTTY && this.#shown >= 0) this.#stream.write('\r\x1b[K');
    this.#shown = -1;
  }
}

/** Shows what is written into a blob store. */
export function watchBlobs(blobs: BlobStore, progress: Progress): BlobStore {
  return {
    has: (digest) => blobs.has(digest),
    path: (digest) => blobs.path(digest),
    read: (digest) => blobs.read(digest),
    write: (descriptor, content) => blobs.write(descriptor, counted(content, descriptor.size, progress)),
  };
}

async function* counted(content: AsyncIterable<Uint8Array>, total: number, progress: Progress): AsyncIterable<Uint8Array> {
  let done = 0;
  for await (const chunk of content) {
    done += chunk.length;
    progress.update(done, total);
    yield chunk;
  }
}

const units = ['KiB', 'MiB', 'GiB'];

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${value.toFixed(1)} ${units[unit]}`;
}
