import { Option } from 'commander';

/** The option of every command that takes third-party plugins. */
export interface PluginOptions {
  readonly pluginsDir?: readonly string[];
}

export function pluginsDirOption(): Option {
  return new Option('--plugins-dir <dir>', 'directory of third-party plugins; may be repeated').argParser((value: string, previous: readonly string[] = []) => [...previous, value]);
}
