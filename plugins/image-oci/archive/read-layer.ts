import { createReadStream } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import zlib from 'node:zlib';
import type { ArchiveLayer } from '../format/find-wasm.ts';
import { inside } from '../format/find-wasm.ts';

/** Bounds on a hostile archive. */
export interface ArchiveLimits {
  /** Of the file that is taken out. */
  readonly fileBytes: number;
  /** Unpacked, of one layer. */
  readonly layerBytes: number;
  readonly entries: number;
}

/** What a layer says about the files that were looked for. Paths are inside the root, without a leading slash. */
export interface LayerContent {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Links among the wanted paths, with what they lead to. */
  readonly links: ReadonlyMap<string, string>;
  /** Paths of lower layers that this one removes, with all below them. */
  readonly removed: ReadonlySet<string>;
  /** Directories whose content in lower layers is hidden. */
  readonly opaque: ReadonlySet<string>;
}

/**
 * Reads a layer's archive (image-spec, layer.md) without writing anything: only files that `wanted` asks for are kept, in memory and
 * bounded. Names are read as paths inside the root, whatever they say. Throws an Error whose message is the cause.
 */
export async function readLayer(file: string, layer: ArchiveLayer, wanted: (path: string) => boolean, limits: ArchiveLimits, signal: AbortSignal): Promise<LayerContent> {
  const { default: tar } = await import('tar-stream');
  const extract = tar.extract(); // A streamx stream: for what is used of it here, one of Node's.
  const content = { files: new Map<string, Uint8Array>(), links: new Map<string, string>(), removed: new Set<string>(), opaque: new Set<string>() };
  let entries = 0;
  const reading = (async () => {
    for await (const entry of extract) {
      entries += 1;
      if (entries > limits.entries) throw new Error(`the archive has more than ${limits.entries} entries`);
      const { name, type, linkname } = entry.header;
      const path = inside('/', name);
      const base = path.slice(path.lastIndexOf('/') + 1);
      const directory = path.slice(0, Math.max(0, path.length - base.length - 1));
      if (base === '.wh..wh..opq') content.opaque.add(directory);
      else if (base.startsWith('.wh.')) content.removed.add(inside(`/${directory}`, base.slice('.wh.'.length)));
      else if (wanted(path)) {
        content.files.delete(path);
        content.links.delete(path);
        if (type === 'file' || type === 'contiguous-file') content.files.set(path, await collect(entry as unknown as Readable, limits.fileBytes, path));
        else if (type === 'symlink') content.links.set(path, inside(`/${directory}`, linkname ?? ''));
        else if (type === 'link') content.links.set(path, inside('/', linkname ?? ''));
      }
      entry.resume();
    }
  })();
  // Whichever of the two fails first is the cause; the other then fails because of it.
  const feeding = feed(file, layer, extract as unknown as Writable, limits.layerBytes, signal);
  reading.catch(() => extract.destroy());
  try {
    await Promise.all([reading, feeding]);
  } finally {
    extract.destroy();
    await Promise.allSettled([reading, feeding]);
  }
  return content;
}

/** Unpacks the layer into the archive's reader, no further than `limit` bytes and no faster than it reads. */
async function feed(file: string, layer: ArchiveLayer, sink: Writable, limit: number, signal: AbortSignal): Promise<void> {
  let unpacked = 0;
  const source = createReadStream(file, { signal });
  const stream = layer.compression === 'none' ? source : source.pipe(layer.compression === 'gzip' ? zlib.createGunzip() : zlib.createZstdDecompress());
  source.on('error', (error) => stream.destroy(error));
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (sink.destroyed) return;
      unpacked += chunk.length;
      if (unpacked > limit) throw new Error(`the archive unpacks to more than ${limit} bytes`);
      if (!sink.write(chunk)) await drained(sink);
    }
    sink.end();
  } catch (error) {
    sink.destroy(error as Error);
    throw error;
  } finally {
    source.destroy();
  }
}

function drained(sink: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      sink.off('drain', done);
      sink.off('close', done);
      resolve();
    };
    sink.once('drain', done);
    sink.once('close', done);
  });
}

async function collect(entry: Readable, limit: number, path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of entry as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > limit) throw new Error(`${path} is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
