import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../api/logger.ts';
import { PluginHost } from '../plugin-host/plugin-host.ts';
import type { CliContext } from './context.ts';

/** Plugin directories: one that holds a plugin.json itself, or one whose subdirectories do. */
export async function pluginDirectories(named: readonly string[]): Promise<string[]> {
  const found = await Promise.all(named.map(async (name) => {
    const directory = path.resolve(name);
    const entries = await readdir(directory, { withFileTypes: true });
    if (entries.some((entry) => entry.name === 'plugin.json')) return [directory];
    return entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(directory, entry.name)).sort();
  }));
  return found.flat();
}

/** Plugins for a command that is not a node: every runtime allowed, no configuration but what is given. */
export async function startLocalPlugins(
  context: CliContext,
  options: { readonly logger: Logger; readonly directories?: readonly string[]; readonly configuration?: Readonly<Record<string, Readonly<Record<string, unknown>>>> },
): Promise<PluginHost> {
  const host = new PluginHost({
    directories: [...context.installation.plugins, ...(await pluginDirectories(options.directories ?? []))],
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
