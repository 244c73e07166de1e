/** `npm run bench`: measures wasmlet's release bundle, beside something that says what this machine can do at best. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { withLocalBed } from './harness/local-bed.ts';
import { stamp } from './harness/machine.ts';
import { createResult, formatComparison, formatResult, readResult, type Result, writeResult } from './harness/results.ts';
import { withTestBed } from './harness/test-bed.ts';
import { churn } from './suites/churn.ts';
import { compute } from './suites/compute.ts';
import { density } from './suites/density.ts';
import { deletion } from './suites/delete.ts';
import { engine } from './suites/engine.ts';
import { footprint } from './suites/footprint.ts';
import { start } from './suites/start.ts';
import type { Suite, SuiteOptions } from './suites/suite.ts';
import { syscalls } from './suites/syscalls.ts';

interface Options extends SuiteOptions {
  readonly json?: string;
  readonly compare?: string;
  readonly nullOnly: boolean;
  readonly profile?: string;
}

const suites: Readonly<Record<string, Suite>> = { start, churn, delete: deletion, engine, density, footprint, compute, syscalls };
/** How the command line names what a suite can be told. */
const suiteOptions: Readonly<Record<keyof SuiteOptions, () => Option>> = {
  n: () => new Option('-n <samples>', 'samples of each measurement').argParser(positiveInteger),
  pods: () => new Option('--pods <number>', 'pods of one churn, or on one node').argParser(positiveInteger),
  settle: () => new Option('--settle <seconds>', 'for which the idle node is watched').argParser(positiveInteger),
  class: () => new Option('--class <isolation>', 'isolation class of the pods').choices(['dedicated', 'shared']),
};

const program = new Command('npm run bench --')
  .description(
    'Measures the release bundle. Suites of nodes run on a real control plane of their own, side by side with a null node: a node ' +
      "with a node's identity that only patches status. What the null node takes is the API server's; no node is faster.",
  )
  .addHelpText(
    'after',
    '\nThe machine should be idle. Medians of different machines cannot be compared; what was measured beside them can.\n' +
      '\nExamples:\n' +
      '  npm run bench -- start --json benchmarks/results/start.json\n' +
      '  npm run bench -- start --compare benchmarks/results/start.json\n' +
      '  npm run bench -- churn -n 3 --pods 100\n' +
      '  npm run bench -- density --class shared --pods 10000',
  );
for (const [name, suite] of Object.entries(suites)) {
  const command = program.command(name).description(suite.description);
  for (const [option, value] of Object.entries(suite.defaults)) command.addOption(suiteOptions[option as keyof SuiteOptions]().default(value));
  command.option('--json <file>', 'write the result there').option('--compare <file>', 'set the result beside an earlier one');
  if (suite.bed === 'cluster') {
    command.option('--null-only', 'measure the null node alone', false);
    command.option('--profile <directory>', "write V8's CPU profile of each node there; it slows the nodes down");
  }
  command.action((options: Options) => measure(name, suite, options));
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
  const result = await resultOf(name, suite, options);
  process.stdout.write(`${formatResult(result)}\n`);
  if (before) process.stdout.write(`\n${formatComparison(before, result)}\n`);
  if (options.json !== undefined) await writeResult(options.json, result);
}

function resultOf(name: string, suite: Suite, options: Options): Promise<Result> {
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  if (suite.bed === 'local') {
    return withLocalBed({ progress }, async (bed) => {
      const measurements = await suite.run(bed, options);
      return createResult(name, await stamp({ wasmlet: bed.release.version }), suite.parameters(options), measurements);
    });
  }
  return withTestBed({ nullOnly: options.nullOnly, profile: options.profile, progress }, async (bed) => {
    const measurements = await suite.run(bed, options);
    const versions = { wasmlet: bed.wasmletVersion, kubernetes: bed.kubernetesVersion };
    return createResult(name, await stamp(versions), suite.parameters(options), measurements);
  });
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('not a positive whole number.');
  return value;
}
