import type { Command } from 'commander';
import { Option } from 'commander';
import { WasmletError } from '../../api/errors.ts';
import { loadConfiguration } from '../../config/load-configuration.ts';
import { environmentName, nodeOptions } from '../../config/options.ts';
import type { CliContext } from '../context.ts';

export function registerNode(program: Command, context: CliContext): void {
  const command = program
    .command('node')
    .description('Run a node: join a cluster, or stand alone with a directory of manifests.')
    .addHelpText('after', `
Every option can stand in the configuration file and in the environment (--node-ip is WASMLET_NODE_IP);
flags win over the environment, the environment over the file. Krustlet's names are accepted too.

Examples:
  $ wasmlet node --standalone --manifests ./pods
  $ wasmlet node --bootstrap-kubeconfig bootstrap.kubeconfig --kubeconfig /var/lib/wasmlet/kubeconfig
  $ wasmlet node --config /etc/wasmlet/config.yaml`);
  for (const option of nodeOptions) {
    const flags = option.value === undefined ? option.flag : `${option.flag} ${option.value}`;
    command.addOption(new Option(flags, `${option.description} [$${environmentName(option)}]`));
    if (option.krustletFlag !== undefined && option.krustletFlag !== option.flag) {
      command.addOption(new Option(`${option.krustletFlag} ${option.value ?? ''}`.trim(), `same as ${option.flag}`).hideHelp());
    }
  }
  command.action(async (given: Record<string, string | boolean | undefined>) => {
    const flags = Object.fromEntries(nodeOptions.map((option) => [option.field, given[attribute(option.flag)] ?? (option.krustletFlag === undefined ? undefined : given[attribute(option.krustletFlag)])]));
    const configuration = await loadConfiguration({ flags, environment: context.environment, hostname: context.hostname, isRoot: context.isRoot });
    if (!configuration.standalone && configuration.kubeconfig === undefined && configuration.bootstrapKubeconfig === undefined) {
      throw new WasmletError('USAGE', 'nothing says which cluster to join: give --bootstrap-kubeconfig FILE (`wasmlet bootstrap` makes one) or --kubeconfig FILE, or --standalone --manifests DIR for a node without a cluster');
    }
    const { runNode } = await import('../../node-agent.ts');
    context.exit(await runNode(configuration, context.installation));
  });
}

/** commander's property for a flag. */
function attribute(flag: string): string {
  return flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
