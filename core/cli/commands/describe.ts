import { Option, type Command } from 'commander';
import { systemClock } from '../../telemetry/system-clock.ts';
import type { CliContext } from '../context.ts';
import { addLocalNodeOptions, findLocalNode, findPod, type LocalNodeOptions } from '../local/local-node.ts';
import { describePod } from '../output/describe-pod.ts';

interface DescribeOptions extends LocalNodeOptions {
  readonly namespace?: string;
  readonly output: 'text' | 'json';
}

export function registerDescribe(program: Command, context: CliContext): void {
  const command = program
    .command('describe')
    .description('Show all that the node knows of a pod: state, containers, volumes, events.')
    .argument('<pod>', 'name, or namespace/name; a static pod without its -<node>')
    .option('-n, --namespace <name>', "the pod's namespace, where the name alone fits several")
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', `
The first thing to read when a pod does not run: the container's reason and message, and the events at the end.

Examples:
  $ wasmlet describe hello
  $ wasmlet describe default/web --output json`);
  addLocalNodeOptions(command).action(async (name: string, options: DescribeOptions) => {
    const node = await findLocalNode(context, options);
    const pod = findPod(await node.pods(), name, options.namespace);
    const [events, sandboxes] = await Promise.all([node.events(pod.metadata.uid), node.sandboxes()]);
    const sandbox = sandboxes.find(({ uid }) => uid === pod.metadata.uid);
    context.stdout.write(options.output === 'json' ? `${JSON.stringify({ pod, sandbox: sandbox ?? null, events: events ?? null }, null, 2)}\n` : describePod({ pod, sandbox, events }, systemClock.now()));
  });
}
