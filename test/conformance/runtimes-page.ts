/** docs/reference/runtimes.md, made from the manifests and from what the suites hold each runtime to. `node test/conformance/runtimes-page.ts` writes it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Accepts, RuntimeManifest } from '../../core/api/runtime.ts';
import type { Case } from './preview1/case.ts';
import { preview1Cases } from './preview1/cases/preview1-cases.ts';
import { differences, matches } from './preview1/differences.ts';
import type { Difference } from './preview1/differences.ts';
import { upstreamSuites } from './upstream-suites.ts';
import type { UpstreamSuite } from './upstream-suites.ts';

const repository = path.join(import.meta.dirname, '../..');
export const runtimesPage = path.join(repository, 'docs/reference/runtimes.md');

/** In the order of a fresh node. */
const order = ['wasi', 'jco', 'node-wasi', 'wasmer'];

export function renderRuntimesPage(): string {
  const manifests = readdirSync(path.join(repository, 'runtimes')).map(manifestOf).sort((one, other) => order.indexOf(one.name) - order.indexOf(other.name));
  const preview1 = manifests.filter(({ name }) => differences[name] !== undefined);
  const rows: readonly (readonly [string, (manifest: RuntimeManifest) => string])[] = [
    ['takes', ({ accepts }) => accepts.map(acceptance).join('; ')],
    ['does not provide', ({ accepts }) => accepts.flatMap((offer) => (offer.kind === 'module' ? (offer.except ?? []) : [])).map(code).join(', ') || '–'],
    ['isolation classes', ({ isolation }) => isolation.join(', ')],
    ['volumes', ({ features }) => ({ live: 'as they are on the host', copy: 'read-only copies made at start', none: 'refused' })[features?.volumes ?? 'none']],
    ['listens on containerPorts for', ({ features }) => (features?.listeners ?? []).map(code).join(', ') || '–'],
    ['a guest that is stopped', ({ features }) => (features?.yieldChecks === true ? 'unwound at a yield check' : 'ended at once')],
    ['a thread serves', ({ reusesThreads, isolation }) => `${reusesThreads === true ? 'one container after the other' : 'one container'}${isolation.includes('shared') ? '; many at once when shared' : ''}`],
    ...Object.entries<UpstreamSuite>(upstreamSuites).map(([name, { programs, failing }]) =>
      [`upstream suite, ${name}`, (manifest: RuntimeManifest) => (failing[manifest.name] === undefined ? '–' : `${programs - failing[manifest.name]!.length} of ${programs}`)] as const),
    ['own suite, preview 1', (manifest) => (preview1.includes(manifest) ? ownSuite(manifest) : '–')],
    ['on a cluster node', ({ name }) => (['wasi', 'jco'].includes(name) ? 'yes' : 'only when `runtimes.allowed` names it')],
  ];
  return [
    '# Runtimes',
    '',
    'Which runtime runs what, and how completely. This page is made by `node test/conformance/runtimes-page.ts` from the manifests and from what the test suites hold each runtime to; a test keeps it equal.',
    'What each runtime is for stands in `runtimes/*/README.md`. A program that a named runtime does not take is refused (`CreateContainerConfigError`), and the message names one that does.',
    '',
    table(['', ...manifests.map(({ name }) => `\`${name}\``)], rows.map(([title, cell]) => [title, ...manifests.map(cell)])),
    '',
    'The own suite (`test/conformance/preview1`) calls each of the 46 functions of preview 1 in a real guest: what it does, and each errno that it answers. *Otherwise* are the cases below, *not asked* those for which the manifest says that it lacks what they need.',
    '',
    '## What differs from `wasi`',
    ...preview1.filter(({ name }) => differences[name]!.length > 0).flatMap(({ name }) => [
      '',
      `### ${name}`,
      '',
      table(['function', 'when', 'answers', 'instead of', 'why'], differences[name]!.flatMap((difference) => differing(difference))),
    ]),
    '',
    '## What fails of the upstream suite',
    ...Object.entries<UpstreamSuite>(upstreamSuites).flatMap(([suite, { failing }]) => Object.entries(failing).filter(([, programs]) => programs.length > 0).flatMap(([name, programs]) => [
      '',
      `${name}, ${suite}: ${programs.map(code).join(', ')}.`,
    ])),
    '',
  ].join('\n');
}

function manifestOf(folder: string): RuntimeManifest {
  const { contributes } = JSON.parse(readFileSync(path.join(repository, 'runtimes', folder, 'plugin.json'), 'utf8')) as { contributes: { runtimes: [RuntimeManifest] } };
  return contributes.runtimes[0];
}

function acceptance(offer: Accepts): string {
  if (offer.kind === 'component') return `components of ${offer.worlds.map(code).join(', ')}`;
  return `modules that import ${offer.imports.map(code).join(', ')}${offer.importless === false ? '' : ' or nothing'}`;
}

/** A case counts for the first difference that matches, as in the suite. */
function firstOf(name: string, each: Case): Difference | undefined {
  return differences[name]?.find((difference) => matches(difference, each));
}

function ownSuite({ name, features }: RuntimeManifest): string {
  const asked = preview1Cases.filter(({ needs }) => needs === undefined || features?.volumes === 'live');
  const otherwise = asked.filter((each) => firstOf(name, each) !== undefined).length;
  const left = preview1Cases.length - asked.length;
  return `${asked.length - otherwise} of ${preview1Cases.length} cases${otherwise > 0 ? `, ${otherwise} otherwise` : ''}${left > 0 ? `, ${left} not asked` : ''}`;
}

function differing(difference: Difference): string[][] {
  const cases = preview1Cases.filter((each) => matches(difference, each));
  const functions = [...new Set(cases.map((each) => each.function))];
  const when = [...new Set(cases.map((each) => each.when))];
  const answers = [...new Set(cases.map((each) => each.answers))];
  return [[functions.map(code).join(', '), when.join('; '), difference.instead ?? 'otherwise', answers.join(', '), difference.why]];
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

if (import.meta.main) writeFileSync(runtimesPage, renderRuntimesPage());
