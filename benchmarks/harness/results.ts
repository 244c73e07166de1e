import { readFile, writeFile } from 'node:fs/promises';
import type { Stamp } from './machine.ts';
import { differ, summarize, type Summary } from './statistics.ts';
import { formatTable } from './table.ts';

/** One thing measured a number of times. */
export interface Measurement {
  readonly metric: string;
  readonly unit: 'ns' | 'µs' | 'ms' | 's' | 'kiB' | 'MiB' | 'pods/s' | '%' | '/s' | '/pod' | '×';
  /** Whose figure it is, e.g. `null`, `wasmlet`, or the difference of the two in the same round. */
  readonly subject: string;
  /** What it was measured with, e.g. the form of the pods; '' where there is one only. */
  readonly variant: string;
  readonly samples: readonly number[];
}

/** What `--json` writes. */
export interface Result extends Stamp {
  readonly suite: string;
  /** What the suite was told, e.g. `{pods: 200}`. */
  readonly parameters: Readonly<Record<string, number | string>>;
  readonly measurements: readonly (Measurement & Summary)[];
}

export function createResult(
  suite: string,
  stamp: Stamp,
  parameters: Readonly<Record<string, number | string>>,
  measurements: readonly Measurement[],
): Result {
  return { suite, ...stamp, parameters, measurements: measurements.map((each) => ({ ...each, ...summarize(each.samples) })) };
}

/** Samples with four digits, each list on a line: a result is to be read, and its changes too. */
export async function writeResult(path: string, result: Result): Promise<void> {
  const text = JSON.stringify(result, (_key, value: unknown) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value), 2);
  await writeFile(path, `${text.replace(/\[\s*(?:-?[\d.e+-]+,?\s*)+\]/g, (list) => list.replace(/\s+/g, ' '))}\n`);
}

export async function readResult(path: string): Promise<Result> {
  return JSON.parse(await readFile(path, 'utf8')) as Result;
}

/** The machine and versions in a line, then a row for each measurement. */
export function formatResult(result: Result): string {
  const { machine, versions, parameters } = result;
  const rows = result.measurements.map((each) => [
    `${each.metric} (${each.unit})`,
    each.subject,
    each.variant,
    String(each.n),
    figure(each.median),
    figure(each.p99),
    spread(each),
    `${figure(each.minimum)} – ${figure(each.maximum)}`,
  ]);
  return [
    `${result.suite}: ${Object.entries(parameters).map(([name, value]) => `${name} ${value}`).join(', ')}`,
    `${machine.cores} × ${machine.cpu}, ${machine.memoryMiB} MiB, Linux ${machine.kernel} ${machine.architecture}; ` +
      `wasmlet ${versions.wasmlet} (${versions.commit}), Node ${versions.node}${versions.kubernetes === undefined ? '' : `, Kubernetes ${versions.kubernetes}`}`,
    '',
    formatTable(['metric', 'subject', 'with', 'n', 'median', 'p99', 'quartiles', 'range'], rows),
  ].join('\n');
}

/**
 * Medians of two results side by side. A change counts as one only where the interquartile ranges do not overlap.
 *
 * @throws Error when the two are of different suites
 */
export function formatComparison(before: Result, after: Result): string {
  if (before.suite !== after.suite) throw new Error(`cannot compare ${before.suite} with ${after.suite}`);
  const rows = after.measurements.map((each) => {
    const old = before.measurements.find((other) => keyOf(other) === keyOf(each));
    return [
      `${each.metric} (${each.unit})`,
      each.subject,
      each.variant,
      old ? figure(old.median) : '–',
      figure(each.median),
      old ? (each.median / old.median).toFixed(2) : '–',
      old ? (differ(old, each) ? 'changed' : 'within spread') : 'new',
    ];
  });
  const warnings = differences(before, after).map((difference) => `not the same: ${difference}`);
  return [
    ...warnings,
    formatTable(['metric', 'subject', 'with', `before (${before.versions.commit})`, 'now', 'ratio', 'verdict'], rows),
  ].join('\n');
}

function differences(before: Result, after: Result): string[] {
  const flat = (result: Result): Record<string, string | number> => ({
    ...result.machine,
    node: result.versions.node,
    ...(result.versions.kubernetes === undefined ? {} : { kubernetes: result.versions.kubernetes }),
    ...result.parameters,
  });
  const old = flat(before);
  return Object.entries(flat(after))
    .filter(([name, value]) => old[name] !== value)
    .map(([name, value]) => `${name} was ${old[name] ?? 'absent'}, is ${value}`);
}

function keyOf({ metric, subject, variant }: Measurement): string {
  return [metric, subject, variant].join('/');
}

function spread({ quartiles }: Summary): string {
  return `${figure(quartiles[0])} – ${figure(quartiles[1])}`;
}

/** Three significant figures at least, no exponent. */
function figure(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}
