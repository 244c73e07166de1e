/**
 * `npm run check`: types, lint, import rules, fast tests, and the weight of the installation. Under two minutes.
 * Every step runs; the exit code is 1 when one failed.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const bin = (name: string) => path.join(root, 'node_modules', '.bin', name);
const megabytesAllowed = 450;

const steps: { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'types', command: [bin('tsc'), '--noEmit'] },
  { name: 'lint', command: [bin('eslint'), '--cache', '--cache-location', path.join(root, 'node_modules', '.cache', 'eslint'), '.'] },
  { name: 'import rules', command: [bin('depcruise'), '--config', '.dependency-cruiser.cjs', 'bin', 'core', 'runtimes', 'plugins'] },
  { name: 'fast tests', command: [path.join(root, 'test', 'run.ts'), '--fast'] },
];

let failed = 0;
for (const step of steps) {
  const started = performance.now();
  const code = await run(step.command);
  if (code !== 0) failed += 1;
  process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'} ${step.name} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
}
const megabytes = await installedMegabytes();
if (megabytes > megabytesAllowed) failed += 1;
process.stdout.write(`${megabytes > megabytesAllowed ? 'FAIL' : 'ok  '} node_modules: ${megabytes} MB (at most ${megabytesAllowed})\n`);
process.exitCode = failed === 0 ? 0 : 1;

function run(command: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...command], { cwd: root, stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

function installedMegabytes(): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('du', ['-sm', path.join(root, 'node_modules')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('exit', () => resolve(Number.parseInt(output, 10)));
  });
}
