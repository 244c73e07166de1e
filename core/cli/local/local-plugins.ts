import path from 'node:path';
import type { Logger } from '../../api/logger.ts';
import { fromFlag } from '../../config/flag-value.ts';
import { findPlugins } from '../../config/installation.ts';
import { PluginHost } from '../../plugin-host/plugin-host.ts';
import type { CliContext } from '../context.ts';
import type { PluginOptions } from '../options/plugin-options.ts';

/** Plugins for a command that is not a node: every runtime allowed, no configuration but what is given. */
export async function startLocalPlugins(
  context: CliContext,
  options: PluginOptions & { readonly logger: Logger; readonly configuration?: Readonly<Record<string, Readonly<Record<string, unknown>>>> },
): Promise<PluginHost> {
  const host = new PluginHost({
    directories: [...context.installation.plugins, ...fromFlag(() => findPlugins(options.pluginsDir ?? []))],
    version: context.installation.version,
    configuration: options.configuration ?? {},
    disabled: [],
    runtimes: { order: ['wasi', 'jco', 'node-wasi', 'wasmer'], allowed: ['*'] },
    dataDirectory: path.join(context.cacheDirectory, 'plugins'),
    logger: options.logger,
  });
  await host.start();
  return host;
}
