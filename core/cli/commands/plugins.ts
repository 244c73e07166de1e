import { Option } from 'commander';
import type { Command } from 'commander';
import { silentLogger } from '../../telemetry/logger.ts';
import type { CliContext } from '../context.ts';
import { startLocalPlugins } from '../local/local-plugins.ts';
import { pluginsDirOption } from '../options/plugin-options.ts';
import type { PluginOptions } from '../options/plugin-options.ts';

interface PluginsOptions extends PluginOptions {
  readonly output: 'table' | 'json';
}

export function registerPlugins(program: Command, context: CliContext): void {
  program
    .command('plugins')
    .description('List the plugins of this installation and what became of each.')
    .addOption(pluginsDirOption())
    .addOption(new Option('-o, --output <format>', 'table or json').choices(['table', 'json']).default('table'))
    .addHelpText('after', `
An outcome is active, skipped or failed; one that failed makes the exit code 1.

Examples:
  $ wasmlet plugins
  $ wasmlet plugins --plugins-dir ./runtime-plugin --output json`)
    .action(async (options: PluginsOptions) => {
      const host = await startLocalPlugins(context, { ...options, logger: silentLogger });
      const runtimes = host.runtimes.list();
      const rows = host.outcomes.map((outcome) => ({
        ...outcome,
        runtimes: runtimes.filter((runtime) => runtime.pluginId === outcome.id).map((runtime) => runtime.manifest.name),
      }));
      if (options.output === 'json') {
        context.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
      } else {
        const { table } = await import('../output/table.ts');
        context.stdout.write(table(['PLUGIN', 'OUTCOME', 'RUNTIMES', 'REASON', 'DIRECTORY'], rows.map((row) => [row.id, row.outcome, row.runtimes.join(','), 'reason' in row ? row.reason : '', row.directory])));
      }
      await host.stop();
      context.exit(rows.some((row) => row.outcome === 'failed') ? 1 : 0);
    });
}
