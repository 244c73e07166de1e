import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, it } from 'node:test';
import type { ContainerExit } from '../../../core/api/engine.ts';
import type { PluginManifest } from '../../../core/api/plugin.ts';
import type { RegisteredRuntime } from '../../../core/api/runtime.ts';
import { EngineBed, registryOf } from '../../support/engine-bed.ts';

const home = path.join(import.meta.dirname, '../../../runtimes/wasi');

/** Opens 100 files in the first directory it is given, says "ready", and goes on with `body`. */
const holding100Files = (body: string): string => `(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "file")
  (data (i32.const 16) "ready\\n")
  (data (i32.const 32) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (func $crash unreachable)
  (func (export "_start") (local $n i32)
    (loop $again
      ;; O_CREAT, with the rights to read and write
      (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 64))
        (then (call $exit (i32.const 99))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 100))))
    (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 64)))
    ${body}))`;

const bodies = {
  loop: '(loop $for_ever (br $for_ever))',
  // A relative monotonic clock subscription of an hour.
  sleep: `(i32.store (i32.const 128 (;clock id at 16;)) (i32.const 0)) (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (i64.const 3600000000000)) (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 64)))`,
  trap: '(call $crash)',
};

describe('guests of the wasi runtime', () => {
  let bed: EngineBed;
  before(async () => {
    const { contributes } = JSON.parse(await readFile(path.join(home, 'plugin.json'), 'utf8')) as PluginManifest;
    const manifest = contributes.runtimes![0]!;
    const wasi: RegisteredRuntime = { manifest, pluginId: 'runtime-wasi', threadUrl: pathToFileURL(path.join(home, manifest.thread)).href, version: '1', state: 'active', allowed: true };
    bed = await EngineBed.create({ runtimes: registryOf(wasi) });
    await mkdir(path.join(bed.directory, 'data'));
  });
  after(() => bed.close());

  const openFiles = async (): Promise<number> => {
    const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    return links.filter((target) => target.startsWith(path.join(bed.directory, 'data'))).length;
  };

  const table: Record<string, { body: keyof typeof bodies; grace?: number; exit: ContainerExit }> = {
    'that loops for ever is stopped': { body: 'loop', grace: 30, exit: { code: 143, reason: 'Error' } },
    'that loops for ever is killed': { body: 'loop', grace: 0, exit: { code: 137, reason: 'Error' } },
    'that sleeps for an hour is stopped': { body: 'sleep', grace: 30, exit: { code: 143, reason: 'Error' } },
    'that sleeps for an hour is killed': { body: 'sleep', grace: 0, exit: { code: 137, reason: 'Error' } },
    'that traps is reported': { body: 'trap', exit: { code: 134, reason: 'Error', message: 'unreachable in function crash' } },
  };
  for (const [sentence, { body, grace, exit }] of Object.entries(table)) {
    it(`one with a volume and 100 open files ${sentence}, and leaves no descriptor open`, async () => {
      const id = await bed.start(await bed.module(holding100Files(bodies[body])), {
        runtime: 'wasi', mounts: [{ guestPath: '/data', hostPath: path.join(bed.directory, 'data'), readOnly: false }],
      });
      if (grace !== undefined) {
        await bed.logged(id, / stdout F ready\n$/);
        assert.ok((await openFiles()) >= 100);
        assert.ok(bed.engine.containerStats()[0]!.descriptors >= 100);
        await bed.engine.stopContainer(id, grace);
      }
      assert.deepEqual((await bed.ended(id)).exit, exit);
      assert.equal(await openFiles(), 0);
    });
  }
});
