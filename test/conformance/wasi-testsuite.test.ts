/**
 * The preview 1 modules and WASI 0.3 components of WebAssembly/wasi-testsuite (branch prod/testsuite-base), prebuilt, on every
 * runtime that takes them, through `wasmlet run`. They are not part of this repository: the test is skipped where the archive is absent.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { TestContext } from 'node:test';
import { upstreamSuites } from './upstream-suites.ts';
import { runOperations } from './wasi-testsuite/run-operations.ts';

const repository = path.resolve(import.meta.dirname, '../..');
const archive = process.env.WASI_TESTSUITE ?? path.resolve(repository, '../shared/testdata/wasi-testsuite.tar.xz');
const skip = existsSync(archive) ? false : `no ${archive} (set WASI_TESTSUITE)`;
const concurrency = 2;
const timeoutMilliseconds = 60_000;

const scratch = mkdtempSync(path.join(os.tmpdir(), 'wasi-testsuite-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
if (skip === false) execFileSync('tar', ['-xJf', archive, '-C', scratch]);
const [modules, components] = ['wasm32-wasip1', 'wasm32-wasip3'].map((target) => (skip === false ? programsOf(scratch, target) : [])) as [string[], string[]];

const { 'preview 1': preview1, 'WASI 0.3': wasi03 } = upstreamSuites;

for (const [runtime, expected] of Object.entries(preview1.failing)) {
  test(`the upstream suite's preview 1 on ${runtime}`, { skip }, async (t) => {
    assert.equal(modules.length, preview1.programs);
    await runAll(t, modules, expected, ['--runtime', runtime]);
  });
}

for (const [runtime, expected] of Object.entries(wasi03.failing)) {
  test(`the upstream suite's WASI 0.3 on ${runtime}`, { skip }, async (t) => {
    assert.equal(components.length, wasi03.programs);
    // They listen and connect on loopback.
    await runAll(t, components, expected, ['--runtime', runtime, '--host-network']);
  });
}

async function runAll(t: TestContext, programs: readonly string[], expected: readonly string[], options: readonly string[]): Promise<void> {
  const failed = new Map<string, string>();
  const queue = [...programs];
  const command = [process.execPath, path.join(repository, 'bin/wasmlet.js'), 'run', ...options];
  await Promise.all(Array.from({ length: concurrency }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const failure = await runOperations(file, { command, scratch, timeoutMilliseconds });
      if (failure !== undefined) failed.set(path.basename(file, '.wasm'), failure);
    }
  }));
  t.diagnostic(`${programs.length - failed.size} of ${programs.length} pass`);
  assert.deepEqual([...failed.keys()].sort(), [...expected].sort(), [...failed].map(([name, why]) => `${name}: ${why}`).join('\n'));
  assert.deepEqual([...failed].filter(([, why]) => why === 'timeout'), [], 'none may hang');
}

function programsOf(directory: string, target: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.includes(target) && file.endsWith('.wasm'))
    .map((file) => path.join(directory, file))
    .sort();
}
