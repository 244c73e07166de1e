/**
 * The rewriter against hostile modules, with an oracle: whatever V8 takes is refused with a reason or behaves as before, every
 * check forced; whatever V8 does not take stays out. Short here, long in a soak.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { inSoak } from '../../support/soak.ts';
import { judge } from './oracle.ts';
import type { Verdict } from './oracle.ts';
import { mutate, Random } from './mutate.ts';
import { randomModule } from './random-module.ts';

const root = path.join(import.meta.dirname, '../../..');
const suite = path.join(root, '../shared/testdata/wasi-testsuite.tar.xz');
const seed = Number(process.env['WASMLET_FUZZ_SEED'] ?? 20_261_124);

type Counts = Partial<Record<Verdict, number>>;

/** Says where a failure comes from. */
function judged(counts: Counts, bytes: Uint8Array, origin: string): void {
  let verdict: Verdict;
  try {
    verdict = judge(bytes);
  } catch (error) {
    throw new Error(`${origin}: ${Buffer.from(bytes).toString('base64').slice(0, 20_000)}`, { cause: error });
  }
  counts[verdict] = (counts[verdict] ?? 0) + 1;
}

function mutated(files: readonly string[], rounds: number): Counts {
  const counts: Counts = {};
  for (const file of files) {
    const bytes = new Uint8Array(readFileSync(file));
    judged(counts, bytes, file);
    for (let round = 0; round < rounds; round++) judged(counts, mutate(bytes, new Random(seed + round * 7919)), `${file}, round ${round}`);
  }
  return counts;
}

test('random modules behave the same with every check forced', (t) => {
  const counts: Counts = {};
  fc.assert(fc.property(randomModule, (bytes) => judged(counts, bytes, 'random')), { numRuns: inSoak(200_000, 1500), seed, endOnFailure: inSoak(false, true) });
  t.diagnostic(JSON.stringify(counts));
  assert.ok((counts.same ?? 0) > inSoak(20_000, 150), JSON.stringify(counts));
});

test('mutated random modules', (t) => {
  const counts: Counts = {};
  fc.assert(fc.property(randomModule, fc.nat(), (bytes, from) => {
    const random = new Random(from);
    for (let round = 0; round < 8; round++) judged(counts, mutate(bytes, random), `mutated random module ${from}`);
  }), { numRuns: inSoak(100_000, 500), seed, endOnFailure: true });
  t.diagnostic(JSON.stringify(counts));
  assert.ok((counts.same ?? 0) > inSoak(10_000, 50), JSON.stringify(counts));
});

test('mutated programs of ours', (t) => {
  const files = globSync('{test,benchmarks}/**/*.wasm', { cwd: root }).filter((file) => !file.includes('/jco/')).map((file) => path.join(root, file)).sort();
  assert.ok(files.length >= 4, files.join());
  const counts = mutated(files, inSoak(20_000, 100));
  t.diagnostic(JSON.stringify(counts));
  assert.ok((counts.same ?? 0) > 30, JSON.stringify(counts));
});

test('mutated programs of the upstream suite', { skip: existsSync(suite) ? false : `no ${suite}` }, (t) => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-rewriter-'));
  try {
    execFileSync('tar', ['-xJf', suite, '-C', directory]);
    const files = globSync(path.join(directory, '**/wasm32-wasip1/*.wasm')).sort();
    const counts = mutated(files, inSoak(2000, 6));
    t.diagnostic(JSON.stringify(counts));
    assert.ok((counts.same ?? 0) > 50, JSON.stringify(counts));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
