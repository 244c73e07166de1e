/** The third party's runtime of examples/runtime-plugin, from a directory outside the checkout, in the real engine. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Artifact } from '../../core/api/artifact.ts';
import type { PluginManifest } from '../../core/api/plugin.ts';
import { EngineBed, registryOf } from '../support/engine-bed.ts';
import { artifactOf } from '../support/wat.ts';

const root = path.join(import.meta.dirname, '../..');
let directory: string;
let bed: EngineBed;
let hello: Artifact;

before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-third-party-'));
  await cp(path.join(root, 'examples/runtime-plugin'), directory, { recursive: true });
  const { contributes, id } = JSON.parse(await readFile(path.join(directory, 'plugin.json'), 'utf8')) as PluginManifest;
  const manifest = contributes.runtimes![0]!;
  const threadUrl = pathToFileURL(path.join(directory, manifest.thread)).href;
  bed = await EngineBed.create({ runtimes: registryOf({ manifest, pluginId: id, threadUrl, version: '1', state: 'active', allowed: true }) });
  hello = await artifactOf(bed.directory, 'hello.wasm', await readFile(path.join(root, 'examples/hello/hello.wasm')));
});
after(async () => {
  await bed.close();
  await rm(directory, { recursive: true, force: true });
});

test('is under 100 lines of plain JavaScript that imports only what is published', async () => {
  const source = await readFile(path.join(directory, 'thread.js'), 'utf8');
  assert.ok(source.split('\n').length <= 100);
  const imported = [...source.matchAll(/^import .* from '(.*)';$/gm)].map(([, name]) => name);
  assert.deepEqual(imported, ['wasmlet/guest']);
});

test('runs the hello program', async () => {
  const ended = await bed.run(hello, { runtime: 'wasi-lite', argv: ['hello', 'argument'], env: [['HELLO_SLEEP_MS', '1'], ['TOKEN', 'x y']] });
  assert.deepEqual([ended.exit?.reason, ended.exit?.code], ['Completed', 0]);
  const lines = (await bed.log(ended.id)).trim().split('\n').map((line) => line.split(' ').slice(1).join(' '));
  assert.deepEqual(lines.filter((line) => line.startsWith('stdout')), ['stdout F hello from stdout!', 'stdout F HELLO_SLEEP_MS=1', 'stdout F TOKEN=x y', 'stdout F argument']);
  assert.deepEqual(lines.filter((line) => line.startsWith('stderr')), ['stderr F hello from stderr!']);
});

test('is killed while it sleeps', async () => {
  const id = await bed.start(hello, { runtime: 'wasi-lite', env: [['HELLO_SLEEP_MS', '3600000']] });
  await bed.running(id);
  await bed.engine.stopContainer(id, 0);
  assert.equal((await bed.ended(id)).exit?.code, 137);
});
