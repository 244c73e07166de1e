/** The jco runtime in the real engine: prepared in a process of its own, limited, run on a thread, killed. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Artifact } from '../../../core/api/artifact.ts';
import type { RegisteredRuntime } from '../../../core/api/runtime.ts';
import { inspect } from '../../../core/wasm/inspect.ts';
import { EngineBed, registryOf } from '../../support/engine-bed.ts';
import { componentOf, fixture } from './component-bed.ts';

const jco: RegisteredRuntime = {
  manifest: { name: 'jco', accepts: [{ kind: 'component', worlds: ['wasi:cli/command@^0.2.0'] }], isolation: ['dedicated'], thread: './thread.ts' },
  pluginId: 'runtime-jco',
  threadUrl: pathToFileURL(path.join(import.meta.dirname, '../../../runtimes/jco/thread.ts')).href,
  version: '1',
  state: 'active',
  allowed: true,
};

let bed: EngineBed;
let probe: Artifact;
before(async () => {
  bed = await EngineBed.create({ runtimes: registryOf(jco) });
  const bytes = await componentOf(fixture('test/fixtures/jco/probe.wasm'));
  const file = path.join(bed.directory, 'probe.wasm');
  await writeFile(file, bytes);
  probe = { kind: 'component', digest: `sha256:${'0'.repeat(64)}`, path: file, name: 'probe.wasm', sizeBytes: bytes.length, inspection: inspect(bytes) };
});
after(() => bed.close());

const config = (...args: string[]): { readonly runtime: string; readonly argv: readonly string[] } => ({ runtime: 'jco', argv: ['probe', ...args] });

test('runs to its end, its output in the log, its memory counted', async () => {
  const ended = await bed.run(probe, config('clocks'));
  assert.deepEqual([ended.exit?.reason, ended.exit?.code], ['Completed', 0]);
  assert.match(await bed.log(ended.id), / stdout F \d+ \d+\n$/);
});

for (const command of ['spin', 'sleep']) {
  test(`is killed while it does nothing but ${command}`, async () => {
    const id = await bed.start(probe, config(command, '3600'));
    await bed.running(id);
    await bed.engine.stopContainer(id, 0);
    const ended = await bed.ended(id);
    assert.equal(ended.exit?.code, 137);
  });
}

test('a guest at its memory limit is OOMKilled', async () => {
  const ended = await bed.run(probe, { ...config('grow', '100'), resources: { memoryBytes: 32 * 1024 * 1024, descriptors: 64 } });
  assert.deepEqual([ended.exit?.reason, ended.exit?.code], ['OOMKilled', 137]);
});

test('a trap is an error with its text', async () => {
  const ended = await bed.run(probe, config('trap'));
  assert.deepEqual([ended.exit?.reason, ended.exit?.code], ['Error', 134]);
  assert.match(ended.exit?.message ?? '', /unreachable/);
});
