import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reservedName } from '../../core/api/rewriting.ts';
import { limitModule, rewriteModule } from '../../core/wasm/rewrite-module.ts';
import { checkedImports } from '../../test/support/checked-module.ts';
import type { Measurement } from '../harness/results.ts';
import { percentile } from '../harness/statistics.ts';
import type { LocalSuite } from './suite.ts';

const kernels = ['sieve', 'crc32', 'matmul', 'sha256', 'fib', 'tak', 'quicksort', 'list'] as const;
const memoryLimit = { memoryBytes: 64 * 1024 * 1024, tableElements: 65_536, markGrowth: true };
/** Short, so that a busy machine leaves some samples in peace. */
const millisecondsPerSample = 3;
const warmUpRounds = 20;

/** Runs a kernel so many times; answers its checksum. */
type Run = (kernel: string, times: number) => Promise<unknown>;

interface Form {
  readonly name: string;
  readonly run: Run;
}

/** Run as on a thread of its own. */
function plain(name: string, bytes: Uint8Array): Form {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  return { name, run: (kernel, times) => Promise.resolve((exports[kernel] as (times: number) => unknown)(times)) };
}

/** Run as beside others on one thread: on a stack that can be suspended, nobody waiting. */
function shared(name: string, bytes: Uint8Array): Form {
  const rewritten = rewriteModule(bytes, { ...memoryLimit, yieldChecks: true });
  if (rewritten.kind === 'not-shareable') throw new Error(rewritten.reason);
  const module = new WebAssembly.Module(rewritten.bytes);
  const { exports } = new WebAssembly.Instance(module, { [reservedName]: checkedImports(module, 0, new WebAssembly.Suspending(() => 0)) });
  return { name, run: (kernel, times) => WebAssembly.promising(exports[kernel] as Function)(times) };
}

/** What the engine's rewriting costs a program that only computes, against the same module as its author made it. */
export const compute: LocalSuite = {
  bed: 'local',
  description: `${kernels.length} kernels in C: ms under bare V8, and how fast they are as dedicated and shared guests, in % of that`,
  defaults: { n: 101 },
  parameters: ({ n }) => ({ n, memoryLimitMiB: memoryLimit.memoryBytes / 2 ** 20 }),
  async run({ progress }, { n }) {
    const bytes = new Uint8Array(await readFile(join(import.meta.dirname, '..', 'modules', 'kernels.wasm')));
    const bare = plain('bare V8', bytes);
    const prepared = [
      plain('dedicated', limitModule(bytes, { markGrowth: false }).bytes),
      plain('dedicated, memory limit', limitModule(bytes, memoryLimit).bytes),
      shared('shared', bytes),
    ];
    const forms = [bare, ...prepared];
    const times = new Map<string, number>();
    for (const kernel of kernels) times.set(kernel, await calibrated(bare.run, kernel));
    const samples = new Map(kernels.map((kernel) => [kernel, new Map(forms.map((form) => [form, [] as number[]]))]));
    for (let round = -warmUpRounds; round < n; round += 1) {
      if (round % 10 === 0) progress(`compute: ${Math.max(round, 0)} of ${n} rounds done`);
      for (const kernel of kernels) {
        const answers = new Set<unknown>();
        // Whoever comes first in one round comes last in the next.
        for (const form of round % 2 === 0 ? forms : forms.toReversed()) {
          const started = performance.now();
          answers.add(await form.run(kernel, times.get(kernel)!));
          if (round >= 0) samples.get(kernel)!.get(form)!.push(performance.now() - started);
        }
        if (answers.size > 1) throw new Error(`${kernel} answers ${[...answers].join(' and ')}`);
      }
    }
    return report(samples, bare, prepared);
  },
};

/** How often a kernel is to repeat itself to take about `millisecondsPerSample` once V8 has optimised it. */
async function calibrated(run: Run, kernel: string): Promise<number> {
  for (let times = 1; ; times *= 2) {
    await run(kernel, times);
    const started = performance.now();
    await run(kernel, times);
    const taken = performance.now() - started;
    if (taken >= millisecondsPerSample / 2) return Math.ceil((times * millisecondsPerSample) / taken);
  }
}

type Samples = ReadonlyMap<string, ReadonlyMap<Form, readonly number[]>>;

/** Per kernel the speeds of each round; over all kernels their means, and the fastest samples against each other, which a busy machine disturbs least. */
function report(samples: Samples, bare: Form, prepared: readonly Form[]): Measurement[] {
  const row = (metric: string, unit: Measurement['unit'], form: Form, figures: readonly number[]): Measurement => ({ metric, unit, subject: form.name, variant: '', samples: figures });
  const speed = (base: number, milliseconds: number): number => (100 * base) / milliseconds;
  const each = [...samples].map(([kernel, ofForms]) => {
    const base = ofForms.get(bare)!;
    const speeds = prepared.map((form) => {
      const taken = ofForms.get(form)!;
      return { rounds: taken.map((milliseconds, round) => speed(base[round]!, milliseconds)), fastest: speed(Math.min(...base), Math.min(...taken)) };
    });
    return { kernel, base, speeds };
  });
  const ofAll = prepared.flatMap((form, nth) => {
    const speeds = each.map((kernel) => kernel.speeds[nth]!);
    const medians = speeds.map(({ rounds }) => percentile(rounds.toSorted((a, b) => a - b), 50));
    const fastest = speeds.map((of) => of.fastest);
    return [
      row('mean speed, medians', '%', form, [geometricMean(medians)]),
      row('mean speed, fastest', '%', form, [geometricMean(fastest)]),
      row('worst kernel, median', '%', form, [Math.min(...medians)]),
      row('worst kernel, fastest', '%', form, [Math.min(...fastest)]),
    ];
  });
  return [
    ...each.flatMap(({ kernel, base, speeds }) => [row(kernel, 'ms', bare, base), ...speeds.map(({ rounds }, nth) => row(`${kernel}, speed`, '%', prepared[nth]!, rounds))]),
    ...ofAll,
  ];
}

function geometricMean(figures: readonly number[]): number {
  return Math.exp(figures.reduce((sum, figure) => sum + Math.log(figure), 0) / figures.length);
}
