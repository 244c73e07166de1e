/** Guests that hold 100 files of a volume and do not end by themselves, on every runtime: stopped, killed, trapping. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Artifact } from '../../../core/api/artifact.ts';
import type { ContainerExit } from '../../../core/api/engine.ts';
import type { PluginManifest } from '../../../core/api/plugin.ts';
import type { RegisteredRuntime } from '../../../core/api/runtime.ts';
import { inspect } from '../../../core/wasm/inspect.ts';
import { EngineBed, registryOf } from '../../support/engine-bed.ts';
import { wat } from '../../support/wat.ts';
import { componentOf } from '../jco/component-bed.ts';

const runtimes = ['wasi', 'node-wasi', 'wasmer', 'jco'] as const;
type RuntimeName = (typeof runtimes)[number];

/** Opens the volume's "file" 100 times for reading, says "ready", and goes on with `body`. */
const holding100Files = (body: string): string => `(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "file")
  (data (i32.const 16) "ready\\n")
  (data (i32.const 32) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (func $crash unreachable)
  (func (export "_start") (local $n i32)
    (loop $again
      (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64))
        (then (call $exit (i32.const 1))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 100))))
    (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 64)))
    ${body}))`;

const bodies = {
  loop: '(loop $for_ever (br $for_ever))',
  // A relative monotonic clock subscription of an hour.
  sleep: `(i32.store (i32.const 144) (i32.const 1)) (i64.store (i32.const 152) (i64.const 3600000000000))
    (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 64)))`,
  // Host calls without end: small files read and sought, in native code.
  calls: `(loop $for_ever
    (drop (call $seek (i32.const 10) (i64.const 0) (i32.const 0) (i32.const 64)))
    (drop (call $read (i32.const 10) (i32.const 32) (i32.const 1) (i32.const 64)))
    (br $for_ever))`,
  trap: '(call $crash)',
};
type Body = keyof typeof bodies;

const table: readonly { readonly sentence: string; readonly body: Body; readonly grace?: number; readonly exit: ContainerExit }[] = [
  { sentence: 'loops for ever is stopped', body: 'loop', grace: 30, exit: { code: 143, reason: 'Error' } },
  { sentence: 'loops for ever is killed', body: 'loop', grace: 0, exit: { code: 137, reason: 'Error' } },
  { sentence: 'sleeps for an hour is stopped', body: 'sleep', grace: 30, exit: { code: 143, reason: 'Error' } },
  { sentence: 'sleeps for an hour is killed', body: 'sleep', grace: 0, exit: { code: 137, reason: 'Error' } },
  { sentence: 'calls its host for ever is killed', body: 'calls', grace: 0, exit: { code: 137, reason: 'Error' } },
  { sentence: 'traps is reported', body: 'trap', exit: { code: 134, reason: 'Error', message: 'unreachable' } },
];

describe('a guest with a volume and 100 open files', () => {
  let bed: EngineBed;
  let data: string;
  before(async () => {
    // No reserve, which would grow and shrink by itself.
    bed = await EngineBed.create({ warmThreads: 0, runtimes: registryOf(...await Promise.all(runtimes.map(registered))) });
    data = path.join(bed.directory, 'data');
    await mkdir(data);
    await writeFile(path.join(data, 'file'), 'content');
  });
  after(() => bed.close());

  async function artifact(runtime: RuntimeName, body: Body): Promise<Artifact> {
    const module = await bed.module(holding100Files(bodies[body]));
    if (runtime !== 'jco') return module;
    const bytes = await componentOf(wat(holding100Files(bodies[body])));
    const file = path.join(bed.directory, `${body}.component.wasm`);
    await writeFile(file, bytes);
    return { kind: 'component', digest: `sha256:${String(Object.keys(bodies).indexOf(body)).repeat(64)}`, path: file, name: 'test.wasm', sizeBytes: bytes.length, inspection: inspect(bytes) };
  }

  const run = async (runtime: RuntimeName, body: Body, grace?: number): Promise<ContainerExit | undefined> => {
    const id = await bed.start(await artifact(runtime, body), { runtime, mounts: [{ guestPath: '/data', hostPath: data, readOnly: false }] });
    if (grace !== undefined) {
      await bed.logged(id, / stdout F ready\n$/);
      await bed.engine.stopContainer(id, grace);
    }
    return (await bed.ended(id)).exit;
  };

  for (const runtime of runtimes) {
    for (const { sentence, body, grace, exit } of table) {
      it(`on ${runtime} that ${sentence}, and leaves the node as before`, async () => {
        // The first one warms what stays: the preparing thread, caches.
        const warm = await run(runtime, body, grace);
        const before = { files: await openFiles(data), threads: await threads() };
        const ended = await run(runtime, body, grace);
        for (const outcome of [warm, ended]) {
          assert.deepEqual([outcome?.code, outcome?.reason], [exit.code, exit.reason], JSON.stringify(outcome));
          if (exit.message !== undefined) assert.match(outcome?.message ?? '', new RegExp(exit.message));
        }
        assert.equal(await openFiles(data), before.files);
        assert.ok((await threads()) <= before.threads, `${await threads()} threads, ${before.threads} before`);
      });
    }
  }

  // uvwasi's descriptors are not Node's to close: such a guest is unwound, not ended with its thread.
  it('on node-wasi, 50 of them killed in every state, leave no descriptor open', async () => {
    const states = ['loop', 'sleep', 'calls'] as const;
    const artifacts = await Promise.all(states.map((state) => artifact('node-wasi', state)));
    const before = await openFiles(data);
    let left = 50;
    const lane = async (): Promise<void> => {
      while (left > 0) {
        const given = artifacts[left-- % states.length]!;
        const id = await bed.start(given, { runtime: 'node-wasi', mounts: [{ guestPath: '/data', hostPath: data, readOnly: false }] });
        await bed.logged(id, / stdout F ready\n$/);
        await bed.engine.stopContainer(id, 0);
        assert.equal((await bed.ended(id)).exit?.code, 137);
      }
    };
    await Promise.all([lane(), lane(), lane(), lane(), lane()]);
    assert.equal(await openFiles(data), before);
  });
});

async function registered(name: RuntimeName): Promise<RegisteredRuntime> {
  const home = path.join(import.meta.dirname, '../../../runtimes', name);
  const { id, contributes } = JSON.parse(await readFile(path.join(home, 'plugin.json'), 'utf8')) as PluginManifest;
  const manifest = contributes.runtimes![0]!;
  return { manifest, pluginId: id, threadUrl: pathToFileURL(path.join(home, manifest.thread)).href, version: '1', state: 'active', allowed: true };
}

/** How many descriptors of this process lead into the directory. */
async function openFiles(directory: string): Promise<number> {
  const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return links.filter((target) => target.startsWith(directory)).length;
}

async function threads(): Promise<number> {
  return (await readdir('/proc/self/task')).length;
}
