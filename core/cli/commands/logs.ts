import { once } from 'node:events';
import type { Command } from 'commander';
import { WasmletError } from '../../api/errors.ts';
import type { Pod } from '../../api/kubernetes.ts';
import type { CliContext } from '../context.ts';
import { addLocalNodeOptions, findLocalNode, findPod, type LocalNodeOptions } from '../local/local-node.ts';

interface LogsOptions extends LocalNodeOptions {
  readonly namespace?: string;
  readonly container?: string;
  readonly follow?: true;
  readonly previous?: true;
  readonly timestamps?: true;
  readonly tail?: string;
  readonly since?: string;
  readonly limitBytes?: string;
}

export function registerLogs(program: Command, context: CliContext): void {
  const command = program
    .command('logs')
    .description("Print a container's log.")
    .argument('<pod>', 'name, or namespace/name; a static pod without its -<node>')
    .option('-n, --namespace <name>', "the pod's namespace, where the name alone fits several")
    .option('-c, --container <name>', 'container (default: the first)')
    .option('-f, --follow', 'go on until the container has ended')
    .option('-p, --previous', 'of the instance before the newest')
    .option('--tail <lines>', 'only the last lines')
    .option('--timestamps', 'put its time before each line')
    .option('--since <duration>', 'only what is newer than this: 90s, 5m, 2h')
    .option('--limit-bytes <n>', 'at most so many bytes')
    .addHelpText('after', `
Examples:
  $ wasmlet logs hello
  $ wasmlet logs -f --tail 10 default/web -c server
  $ wasmlet logs -p crashing          what it said before it was restarted`);
  addLocalNodeOptions(command).action(async (name: string, options: LogsOptions) => {
    const query = logQuery(options);
    const node = await findLocalNode(context, options);
    const pod = findPod(await node.pods(), name, options.namespace);
    const container = options.container ?? defaultContainer(pod, context);
    for await (const piece of node.logs(pod, container, query)) if (!context.stdout.write(piece)) await once(context.stdout, 'drain');
  });
}

/** What the node's containerLogs takes. Throws USAGE. */
function logQuery(options: LogsOptions): URLSearchParams {
  const query = new URLSearchParams();
  for (const flag of ['follow', 'previous', 'timestamps'] as const) if (options[flag]) query.set(flag, 'true');
  if (options.tail !== undefined) query.set('tailLines', count(options.tail, '--tail'));
  if (options.limitBytes !== undefined) query.set('limitBytes', count(options.limitBytes, '--limit-bytes'));
  if (options.since !== undefined) query.set('sinceSeconds', String(seconds(options.since)));
  return query;
}

function count(text: string, flag: string): string {
  if (!/^\d+$/.test(text)) throw new WasmletError('USAGE', `${flag}: ${JSON.stringify(text)} is not a whole number`);
  return text;
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function seconds(duration: string): number {
  if (!/^(\d+(\.\d+)?[smh])+$/.test(duration)) throw new WasmletError('USAGE', `--since: ${JSON.stringify(duration)} is no duration; write 90s, 5m or 1h30m`);
  const parts = duration.matchAll(/([\d.]+)([smh])/g);
  return Math.max(1, Math.ceil(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * units[unit!]!, 0)));
}

/** kubectl's choice: the annotated one, else the first, and a word about it when there are more. */
function defaultContainer(pod: Pod, context: CliContext): string {
  const names = pod.spec.containers.map(({ name }) => name);
  const annotated = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  const chosen = annotated !== undefined && names.includes(annotated) ? annotated : names[0]!;
  const all = [...names, ...(pod.spec.initContainers ?? []).map(({ name }) => `${name} (init)`)];
  if (all.length > 1) context.stderr.write(`Defaulted container ${JSON.stringify(chosen)} out of: ${all.join(', ')}\n`);
  return chosen;
}
