import { InvalidArgumentError, Option, type Command } from 'commander';
import type { LocalClient } from '../../server/local-client.ts';
import { systemClock } from '../../telemetry/system-clock.ts';
import type { CliContext } from '../context.ts';
import { addLocalNodeOptions, findLocalNode, type LocalNodeOptions } from '../local/local-node.ts';
import { LiveTable } from '../output/live-table.ts';
import { podUsages, totalUsage, usageColumns, usageOrders, usageRow, type PodUsage, type UsageOrder } from '../output/pod-usage.ts';
import { table } from '../output/table.ts';

interface TopOptions extends LocalNodeOptions {
  readonly namespace?: string;
  readonly sort: UsageOrder;
  readonly interval: number;
  readonly output: 'table' | 'json';
}

/** Rows of a terminal that are not a pod's: the header, the totals, the cursor's. */
const otherRows = 3;
const firstSeconds = 0.3;

export function registerTop(program: Command, context: CliContext): void {
  const command = program
    .command('top')
    .description('Show what the running pods of the node on this machine use, again and again on a terminal, else once.')
    .option('-n, --namespace <name>', 'only this namespace')
    .addOption(new Option('--sort <order>', 'what comes first').choices(usageOrders).default('cpu'))
    .option('--interval <seconds>', 'time between two readings', seconds, 2)
    .addOption(new Option('-o, --output <format>', 'table, or json: once').choices(['table', 'json']).default('table'))
    .addHelpText('after', `
CPU is of the time between two readings. A terminal shows as many pods as it has lines; the last line sums up all of them.

Examples:
  $ wasmlet top
  $ wasmlet top --sort memory --interval 10
  $ wasmlet top --output json`);
  addLocalNodeOptions(command).action(async (options: TopOptions) => {
    const node = await findLocalNode(context, options);
    if (options.output === 'table' && context.stdout.isTTY) await watch(context, node, options);
    else await once(context, node, options);
  });
}

async function once(context: CliContext, node: LocalClient, options: TopOptions): Promise<void> {
  const before = await node.stats();
  // The first reading alone shows totals since the start of each.
  await systemClock.sleep(Math.min(1, options.interval) * 1000);
  const usages = select(podUsages(before, await node.stats(), options.sort), options);
  if (options.output === 'json') context.stdout.write(`${JSON.stringify({ items: usages }, null, 2)}\n`);
  else if (usages.length === 0) context.stderr.write('No pods run.\n');
  else context.stdout.write(`${table(usageColumns, usages.map(usageRow))}${totalUsage(usages)}\n`);
}

async function watch(context: CliContext, node: LocalClient, options: TopOptions): Promise<void> {
  const live = new LiveTable(context.stdout, usageColumns, []);
  const ended = new AbortController();
  process.once('SIGINT', () => ended.abort()).once('SIGTERM', () => ended.abort());
  // What is shown first is of a short time: nobody likes to look at nothing.
  for (let [before, pause] = [await node.stats(), Math.min(firstSeconds, options.interval)]; ; pause = options.interval) {
    await systemClock.sleep(pause * 1000, ended.signal);
    if (ended.signal.aborted) return;
    const now = await node.stats();
    const usages = select(podUsages(before, now, options.sort), options);
    live.show(usages.slice(0, Math.max(1, context.stdout.rows - otherRows)).map(usageRow), totalUsage(usages));
    before = now;
  }
}

function select(usages: PodUsage[], { namespace }: TopOptions): PodUsage[] {
  return usages.filter((usage) => namespace === undefined || usage.namespace === namespace);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1 && value <= 3600)) throw new InvalidArgumentError('not a number of seconds from 0.1 to 3600.');
  return value;
}
