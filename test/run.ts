/**
 * `npm test`: every test, with one real control plane for all end-to-end files. `--fast` leaves out what needs it; `--soak`
 * (`npm run test:soak`) runs the hostile ones in their long form (test/support/soak.ts).
 * Arguments name folders or files to run instead of all. Ends with a count.
 */
import { globSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = path.dirname(import.meta.dirname);
process.chdir(root);
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = flags.filter((flag) => !['--fast', '--soak', '--help'].includes(flag));
if (flags.includes('--help') || unknown.length > 0) {
  process.stdout.write('usage: npm test -- [--fast | --soak] [FOLDER|FILE]…\n  --fast  without the real control plane and the long suites\n  --soak  the hostile suites, or those named, in their long form: hours\n');
  process.exit(unknown.length > 0 ? 2 : 0);
}

const fast = ['architecture', 'unit', 'marbles', 'scenarios'];
const slow = ['conformance', 'integration', 'hostile', 'programs', 'e2e'];
const soak = flags.includes('--soak');
// Test processes inherit it.
if (soak) process.env['WASMLET_SOAK'] = '1';
const all = soak ? ['hostile'] : [...fast, ...(flags.includes('--fast') ? [] : slow)];
const folders = named.length > 0 ? named.map((name) => path.relative(root, path.resolve(name))) : all.map((name) => path.join('test', name));
const files = folders.flatMap((folder) => (folder.endsWith('.test.ts') ? [folder] : globSync(path.join(folder, '**', '*.test.ts')).sort()));
if (files.length === 0) {
  process.stdout.write(`no test files in ${folders.join(', ')}\n`);
  process.exit(1);
}

const endToEnd = files.filter((file) => file.startsWith(path.join('test', 'e2e')));
const others = files.filter((file) => !endToEnd.includes(file));
const total = { passed: 0, failed: 0, skipped: 0 };

if (others.length > 0) await execute(others, 2);
if (endToEnd.length > 0) {
  const { provideCluster } = await import('./e2e/cluster.ts');
  const cluster = await provideCluster();
  try {
    // One after the other: they share the cluster and its clock.
    await execute(endToEnd, 1);
  } finally {
    await cluster?.stop();
  }
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exit(total.failed === 0 ? 0 : 1);

function execute(selected: readonly string[], concurrency: number): Promise<void> {
  return new Promise((resolve) => {
    const stream = run({ files: selected.map((file) => path.join(root, file)), concurrency, timeout: soak ? 4 * 3_600_000 : 600_000 });
    stream.on('test:pass', (event) => {
      if (event.details.type === 'suite') return;
      if (event.skip !== undefined || event.todo !== undefined) total.skipped += 1;
      else total.passed += 1;
    });
    stream.on('test:fail', (event) => {
      if (event.details.type !== 'suite') total.failed += 1;
      process.exitCode = 1;
    });
    stream.on('end', resolve);
    stream.compose(spec).pipe(process.stdout, { end: false });
  });
}
