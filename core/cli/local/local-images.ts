import os from 'node:os';
import path from 'node:path';
import { WasmletError } from '../../api/errors.ts';
import type { BlobStore, RegistryCredentials } from '../../api/image.ts';
import type { RegistryConfiguration } from '../../config/node-configuration.ts';
import * as dockerConfig from '../../image/docker-config.ts';
import { FileBlobStore } from '../../image/file-blob-store.ts';
import { ImageIndex } from '../../image/image-index.ts';
import { ImageStore } from '../../image/image-store.ts';
import { parseReference } from '../../image/reference.ts';
import type { PluginHost } from '../../plugin-host/plugin-host.ts';
import { createLogger, silentLogger } from '../../telemetry/logger.ts';
import { systemClock } from '../../telemetry/system-clock.ts';
import type { CliContext } from '../context.ts';
import { startLocalPlugins } from './local-plugins.ts';
import type { PluginOptions } from '../options/plugin-options.ts';
import type { RegistryOptions } from '../options/registry-options.ts';

/** An image as the user names it: a reference, or `oci-layout:DIR:NAME[:TAG]`. */
export interface ImageOperand {
  readonly reference: string;
  /** How its registry is reached, for the image plugin's configuration. */
  readonly registries: readonly RegistryConfiguration[];
}

/** A registry that cannot be: in the store it stands for a layout. */
const layoutRegistry = 'oci-layout.invalid';

export function parseOperand(text: string, options: RegistryOptions): ImageOperand {
  if (text.startsWith('oci-layout:')) {
    const [, directory, name] = /^oci-layout:([^:]+):(.+)$/.exec(text) ?? [];
    if (directory === undefined || name === undefined) throw new WasmletError('USAGE', `${text}: give oci-layout:DIR:NAME or oci-layout:DIR:NAME:TAG`);
    return { reference: `${layoutRegistry}/${name}`, registries: [{ prefix: layoutRegistry, mirror: `oci-layout:${path.resolve(directory)}` }] };
  }
  const { registry } = parseReference(text);
  return {
    reference: text,
    registries: [{ prefix: registry, ...(options.plainHttp === undefined ? {} : { plainHTTP: options.plainHttp }), ...(options.ca === undefined ? {} : { ca: path.resolve(options.ca) }) }],
  };
}

/** Runs `work` with the plugins that reach the operand's registry; Ctrl-C cancels it and leaves nothing half done. */
export async function withImages<T>(context: CliContext, operand: ImageOperand | undefined, { pluginsDir = [] }: PluginOptions, work: (plugins: PluginHost, signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new WasmletError('IMAGE_PULL_FAILED', 'interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const plugins = await startLocalPlugins(context, { pluginsDir, logger: createLogger('warn'), configuration: { 'image-oci': { registries: operand?.registries ?? [] } } });
  try {
    return await work(plugins, interrupted.signal);
  } finally {
    process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt);
    await plugins.stop();
  }
}

/** The user's own image store, for commands that are not a node. */
export function openImageStore(context: CliContext, plugins: PluginHost, wrap: (blobs: BlobStore) => BlobStore = (blobs) => blobs): ImageStore {
  const directory = path.join(context.cacheDirectory, 'images');
  return new ImageStore({
    blobs: wrap(new FileBlobStore(path.join(directory, 'blobs'))),
    index: new ImageIndex(path.join(directory, 'references'), silentLogger),
    sources: () => plugins.imageSources,
    maxParallelPulls: 1,
    pullDeadline: 3_600_000,
    clock: systemClock,
    logger: silentLogger,
  });
}

/** What `docker login` left for the reference's registry. */
export async function userCredentials(context: CliContext, reference: string, signal: AbortSignal = new AbortController().signal): Promise<readonly RegistryCredentials[]> {
  const { registry } = parseReference(reference);
  return dockerConfig.userCredentials({
    directory: context.environment['DOCKER_CONFIG'] || path.join(os.homedir(), '.docker'),
    registry,
    warn: (message) => void context.stderr.write(`wasmlet: ${message}\n`),
    signal,
  });
}
