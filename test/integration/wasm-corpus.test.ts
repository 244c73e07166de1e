/** Rewritten modules behave as before: the upstream wasi-testsuite's preview 1 modules, plain, limited and with yield checks, on node:wasi. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, existsSync, globSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { WASI } from 'node:wasi';
import { reservedName } from '../../core/api/rewriting.ts';
import { growRefusedExport, limitModule, rewriteModule } from '../../core/wasm/rewrite-module.ts';
import { inspect } from '../../core/wasm/inspect.ts';
import { checkedImports } from '../support/checked-module.ts';

const archive = path.join(import.meta.dirname, '../../../shared/testdata/wasi-testsuite.tar.xz');
const skip = existsSync(archive) ? false : `no ${archive}`;
let directory: string;
let devNull: number;

before(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-corpus-'));
  devNull = openSync('/dev/null', 'r+');
  if (skip === false) execFileSync('tar', ['-xJf', archive, '-C', directory]);
});
after(() => {
  closeSync(devNull);
  rmSync(directory, { recursive: true, force: true });
});

interface Case {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly root?: string;
}

/** How often `wasmlet.yield` was called. */
let checks = 0;

/** The exit code, or the error's text. */
function outcomeOf(file: string, bytes: Uint8Array): number | string {
  const description = file.replace(/\.wasm$/, '.json');
  const { args = [], env = {}, root } = (existsSync(description) ? JSON.parse(readFileSync(description, 'utf8')) : {}) as Case;
  const copy = mkdtempSync(path.join(directory, 'root-'));
  if (root !== undefined) cpSync(path.join(path.dirname(file), root), copy, { recursive: true, verbatimSymlinks: true });
  const wasi = new WASI({
    version: 'preview1', args: ['test', ...args], env: { ...env }, preopens: root === undefined ? {} : { '/': copy }, stdin: devNull, stdout: devNull, stderr: devNull, returnOnExit: true,
  });
  try {
    const module = new WebAssembly.Module(bytes.slice());
    const imports = { ...(wasi.getImportObject() as WebAssembly.Imports), [reservedName]: checkedImports(module, 1, () => (checks++, 0)) };
    return wasi.start(new WebAssembly.Instance(module, imports));
  } catch (error) {
    return (error as Error).message;
  }
}

test('plain and limited modules end the same way', { skip }, () => {
  const files = globSync(path.join(directory, '**/wasm32-wasip1/*.wasm'));
  assert.ok(files.length > 50, `${files.length} modules`);
  for (const file of files) {
    const bytes = new Uint8Array(readFileSync(file));
    const limited = limitModule(bytes, { memoryBytes: 64 * 1024 * 1024, tableElements: 100_000, markGrowth: true });
    assert.equal(outcomeOf(file, limited.bytes), outcomeOf(file, bytes), path.basename(file));
  }
});

test('plain modules and those with yield checks, every one of which yields, end the same way', { skip }, () => {
  for (const file of globSync(path.join(directory, '**/wasm32-wasip1/*.wasm'))) {
    const bytes = new Uint8Array(readFileSync(file));
    const rewritten = rewriteModule(bytes, { memoryBytes: 64 * 1024 * 1024, tableElements: 100_000, markGrowth: true, yieldChecks: true });
    assert.ok(rewritten.kind === 'rewritten');
    assert.equal(outcomeOf(file, rewritten.bytes), outcomeOf(file, bytes), path.basename(file));
  }
  assert.ok(checks > 1000, `${checks} checks`);
});

test('imports and exports stay, and the core modules inside components are found', { skip }, () => {
  let modules = 0;
  for (const file of globSync(path.join(directory, '**/*.wasm'))) {
    const bytes = new Uint8Array(readFileSync(file));
    const inspection = inspect(bytes);
    if (inspection.kind === 'component') {
      modules += inspection.coreModules.length;
      continue;
    }
    const limited = inspect(limitModule(bytes, { memoryBytes: 64 * 1024 * 1024, markGrowth: true }).bytes);
    assert.ok(limited.kind === 'module' && WebAssembly.validate(bytes));
    assert.deepEqual(limited.imports, inspection.imports);
    assert.deepEqual(limited.exports.filter(({ name }) => name !== growRefusedExport), inspection.exports);
  }
  assert.ok(modules > 100, `${modules} core modules were read inside components`);
});
