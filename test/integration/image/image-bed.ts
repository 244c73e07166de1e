import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Image, RegistryCredentials } from '../../../core/api/image.ts';
import { FileBlobStore } from '../../../core/image/file-blob-store.ts';
import { ImageIndex } from '../../../core/image/image-index.ts';
import { ImageStore } from '../../../core/image/image-store.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';
import { systemClock } from '../../../core/telemetry/system-clock.ts';
import { OciImageSource } from '../../../plugins/image-oci/oci-image-source.ts';
import type { RegistryEntry } from '../../../plugins/image-oci/registry-entry.ts';

export interface ImageBedOptions {
  readonly registries?: readonly RegistryEntry[];
  readonly stallMilliseconds?: number;
  readonly pullDeadline?: number;
  readonly maxLayerBytes?: number;
}

/** An image store with the real plugin, in a directory of its own. */
export interface ImageBed {
  readonly directory: string;
  readonly store: ImageStore;
  readonly source: OciImageSource;
  pull(reference: string, credentials?: readonly RegistryCredentials[], signal?: AbortSignal): Promise<Image>;
  /** Names of files that a failed pull left half written. */
  partialFiles(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export async function createImageBed(options: ImageBedOptions = {}): Promise<ImageBed> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-images-'));
  const source = new OciImageSource({ registries: options.registries ?? [], stallMilliseconds: options.stallMilliseconds ?? 10_000, maxLayerBytes: options.maxLayerBytes ?? 2 ** 20 });
  const store = new ImageStore({
    blobs: new FileBlobStore(path.join(directory, 'blobs')),
    index: new ImageIndex(path.join(directory, 'references'), silentLogger),
    sources: () => [source],
    maxParallelPulls: 5,
    pullDeadline: options.pullDeadline ?? 60_000,
    clock: systemClock,
    logger: silentLogger,
  });
  return {
    directory,
    store,
    source,
    pull: async (reference, credentials = [], signal = new AbortController().signal) => (await store.pull({ reference, credentials }, signal)).image,
    partialFiles: async () => (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.partial')),
    stop: () => rm(directory, { recursive: true, force: true }),
  };
}
