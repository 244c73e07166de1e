import { Option, type Command } from 'commander';
import { systemClock } from '../../telemetry/system-clock.ts';
import type { CliContext } from '../context.ts';
import { addLocalNodeOptions, findLocalNode, type LocalNodeOptions } from '../local/local-node.ts';
import { podColumns, podRow, summarizePod } from '../output/pod-summary.ts';
import { table } from '../output/table.ts';

interface PsOptions extends LocalNodeOptions {
  readonly namespace?: string;
  readonly output: 'table' | 'json';
}

export function registerPs(program: Command, context: CliContext): void {
  const command = program
    .command('ps')
    .description('List the pods of the node on this machine.')
    .option('-n, --namespace <name>', 'only this namespace')
    .addOption(new Option('-o, --output <format>', 'table, or json: a Kubernetes PodList').choices(['table', 'json']).default('table'))
    .addHelpText('after', `
It asks the node itself, with the credential in its root directory; no cluster is needed.

Examples:
  $ wasmlet ps
  $ wasmlet ps --root-dir /tmp/my-node
  $ wasmlet ps --output json`);
  addLocalNodeOptions(command).action(async (options: PsOptions) => {
    const node = await findLocalNode(context, options);
    const [all, sandboxes] = await Promise.all([node.pods(), node.sandboxes()]);
    const pods = all.filter(({ metadata }) => options.namespace === undefined || metadata.namespace === options.namespace);
    if (options.output === 'json') {
      context.stdout.write(`${JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods }, null, 2)}\n`);
      return;
    }
    if (pods.length === 0) {
      context.stderr.write('No pods found.\n');
      return;
    }
    const now = systemClock.now();
    const sandboxOf = new Map(sandboxes.map((sandbox) => [sandbox.uid, sandbox]));
    const summaries = pods.map((pod) => summarizePod(pod, sandboxOf.get(pod.metadata.uid), now));
    context.stdout.write(table(podColumns, summaries.sort((a, b) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name)).map(podRow)));
  });
}
