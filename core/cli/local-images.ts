import path from 'node:path';
import { FileBlobStore } from '../image/file-blob-store.ts';
import { ImageIndex } from '../image/image-index.ts';
import { ImageStore } from '../image/image-store.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { systemClock } from '../telemetry/system-clock.ts';
import type { CliContext } from './context.ts';

/** The user's own image store, for commands that are not a node. */
export function openImageStore(context: CliContext, plugins: PluginHost): ImageStore {
  const directory = path.join(context.cacheDirectory, 'images');
  return new ImageStore({
    blobs: new FileBlobStore(path.join(directory, 'blobs')),
    index: new ImageIndex(path.join(directory, 'references'), silentLogger),
    sources: () => plugins.imageSources,
    maxParallelPulls: 1,
    pullDeadline: 300_000,
    clock: systemClock,
    logger: silentLogger,
  });
}
