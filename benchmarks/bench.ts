/** `npm run bench`: measures wasmlet's release bundle on a real control plane, beside a node that does nothing. */
import { Command, InvalidArgumentError } from 'commander';
import { stamp } from './harness/machine.ts';
import { createResult, formatComparison, formatResult, readResult, writeResult } from './harness/results.ts';
import { withTestBed } from './harness/test-bed.ts';
import { churn } from './suites/churn.ts';
import { footprint } from './suites/footprint.ts';
import { start } from './suites/start.ts';
import type { Suite } from './suites/suite.ts';

interface Options {
  readonly json?: string;
  readonly compare?: string;
  readonly samples?: number;
  readonly pods: number;
  readonly settle: number;
  readonly nullOnly: boolean;
}

const program = new Command('npm run bench --')
  .description(
    'Measures the release bundle on a real control plane of its own, side by side with a null node: a node with a ' +
      "node's identity that only patches status. What the null node takes is the API server's; no node is faster.",
  )
  .addHelpText(
    'after',
    '\nThe machine should be idle. Medians of different machines cannot be compared; the null node beside them can.\n' +
      '\nExamples:\n' +
      '  npm run bench -- start --json benchmarks/results/start.json\n' +
      '  npm run bench -- start --compare benchmarks/results/start.json\n' +
      '  npm run bench -- churn -n 3 --pods 100',
  );
for (const [name, suite] of Object.entries({ start, churn, footprint })) {
  program
    .command(name)
    .description(suite.description)
    .option('-n, --samples <number>', `samples of each measurement (default: ${suite.defaultSamples})`, positiveInteger)
    .option('--json <file>', 'write the result there')
    .option('--compare <file>', 'set the result beside an earlier one')
    .option('--pods <number>', 'pods of one churn', positiveInteger, 200)
    .option('--settle <seconds>', 'from Ready to the footprint', positiveInteger, 60)
    .option('--null-only', 'measure the null node alone', false)
    .action((options: Options) => measure(name, suite, options));
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function measure(name: string, suite: Suite, options: Options): Promise<void> {
  // Read first: a wrong path must not cost a run.
  const before = options.compare === undefined ? undefined : await readResult(options.compare);
  const settings = { n: options.samples ?? suite.defaultSamples, pods: options.pods, settle: options.settle };
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const result = await withTestBed({ nullOnly: options.nullOnly, progress }, async (bed) => {
    const measurements = await suite.run(bed, settings);
    return createResult(name, await stamp(bed.wasmletVersion, bed.kubernetesVersion), suite.parameters(settings), measurements);
  });
  process.stdout.write(`${formatResult(result)}\n`);
  if (before) process.stdout.write(`\n${formatComparison(before, result)}\n`);
  if (options.json !== undefined) await writeResult(options.json, result);
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('not a positive whole number.');
  return value;
}
