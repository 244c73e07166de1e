/** What a guest finds in a thread that another has had, and who gets no such thread. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { ContainerConfig } from '../../../core/api/engine.ts';
import type { PluginManifest } from '../../../core/api/plugin.ts';
import type { RegisteredRuntime } from '../../../core/api/runtime.ts';
import { EngineBed, registryOf } from '../../support/engine-bed.ts';

const home = path.join(import.meta.dirname, '../../../runtimes/wasi');

/** A runtime whose guests say on which thread they are and do what argv[0] says. */
const telltale = `
  import { threadId } from 'node:worker_threads';
  let guests = 0;
  const bytes = (text) => new TextEncoder().encode(text);
  export async function start({ argv, modules }, { stdio, touch, instantiate, reportDescriptors, blocker, clock }) {
    touch();
    guests += 1;
    stdio.write(1, bytes(\`thread \${threadId} guest \${guests}\\n\`));
    switch (argv[0]) {
      case 'trap': return { kind: 'trap', message: 'unreachable' };
      case 'bug': throw new Error('a bug');
      case 'out of memory': return { kind: 'out-of-memory', message: 'limit' };
      case 'open file': reportDescriptors(1); break;
      case 'hoard': globalThis.hoard = Array.from({ length: 3e6 }, (_, index) => ({ index })); break;
      case 'sleep': blocker.waitNow({ deadline: clock.monotonic() + 3600_000_000_000n }); break;
      case 'late': setTimeout(() => { stdio.write(1, bytes('from the former guest')); touch(); }, 20); break;
      case 'wait': blocker.waitNow({ deadline: clock.monotonic() + 200_000_000n }); await new Promise((resolve) => setTimeout(resolve, 50)); break;
    }
    return { kind: 'exit', code: 0 };
  }`;

describe('a thread that had a guest before', () => {
  let bed: EngineBed;
  before(async () => {
    const { contributes } = JSON.parse(await readFile(path.join(home, 'plugin.json'), 'utf8')) as PluginManifest;
    const wasi = runtime(contributes.runtimes![0]!.name, pathToFileURL(path.join(home, contributes.runtimes![0]!.thread)).href, true);
    const directory = await mkdtemp(path.join(tmpdir(), 'wasmlet-reuse-'));
    const file = path.join(directory, 'telltale.mjs');
    await writeFile(file, telltale);
    const url = pathToFileURL(file).href;
    bed = await EngineBed.create({ directory, warmThreads: 0, runtimes: registryOf(wasi, runtime('reusing', url, true), runtime('other', `${url}?other`, true), runtime('fresh', `${url}?fresh`, undefined)) });
  });
  after(() => bed.close());

  function runtime(name: string, threadUrl: string, reusesThreads: true | undefined): RegisteredRuntime {
    const manifest = { name, accepts: [{ kind: 'module' as const, imports: ['wasi_snapshot_preview1'] }], isolation: ['dedicated' as const], thread: './thread.js', ...(reusesThreads && { reusesThreads }) };
    return { manifest, pluginId: name, threadUrl, version: '1', state: 'active', allowed: true };
  }

  const empty = '(module (memory (export "memory") 1) (func (export "_start")))';

  /** Runs a guest of telltale to its end; on which thread, and as which guest of it. */
  async function place(name: string, behaviour: string, changes: Partial<ContainerConfig> = {}): Promise<{ thread: number; guest: number; log: string }> {
    const id = await bed.start(await bed.module(empty), { runtime: name, argv: [behaviour], ...changes });
    if (behaviour === 'sleep') {
      await bed.logged(id, /thread/);
      await bed.engine.stopContainer(id, 0);
    }
    await bed.ended(id);
    const log = await bed.log(id);
    const [, thread, guest] = /thread (\d+) guest (\d+)/.exec(log)!;
    return { thread: Number(thread), guest: Number(guest), log };
  }

  it('serves the next container when the guest exited or trapped', async () => {
    const first = await place('reusing', 'exit');
    const second = await place('reusing', 'trap');
    const third = await place('reusing', 'exit');
    assert.deepEqual([second.thread, third.thread], [first.thread, first.thread]);
    assert.equal(third.guest, first.guest + 2);
  });

  for (const behaviour of ['bug', 'out of memory', 'open file', 'hoard', 'sleep']) {
    it(`does not when the guest left it by: ${behaviour}`, async () => {
      const { thread } = await place('reusing', behaviour);
      assert.notEqual((await place('reusing', 'exit')).thread, thread);
    });
  }

  it('is never given to a container of another runtime, nor by one that does not declare it', async () => {
    const { thread } = await place('reusing', 'exit');
    assert.notEqual((await place('other', 'exit')).thread, thread);
    const fresh = await place('fresh', 'exit');
    const fresher = await place('fresh', 'exit');
    assert.notEqual(fresher.thread, fresh.thread);
    assert.equal(fresher.guest, fresh.guest);
  });

  it('carries nothing of what the former guest writes late', async () => {
    const former = await place('reusing', 'late');
    const { thread, log } = await place('reusing', 'wait');
    assert.equal(thread, former.thread);
    assert.doesNotMatch(log, /former/);
  });

  it('shows a WASI guest nothing of the former one: memory, arguments, environment, descriptors, stdin', async () => {
    const leaving = await bed.module(`(module
      (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (memory (export "memory") 4)
      (data (i32.const 0) "secret")
      (func (export "_start")
        (drop (call $environ_get (i32.const 100) (i32.const 200)))
        (drop (call $args_get (i32.const 400) (i32.const 500)))
        (memory.fill (i32.const 1024) (i32.const 0xaa) (i32.const 260000))
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 64)))))`);
    const looking = await bed.module(`(module
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fdstat (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 4)
      (func $fail (param $if i32) (param $code i32) (if (local.get $if) (then (call $exit (local.get $code)))))
      (func (export "_start") (local $at i32)
        (loop $again
          (call $fail (i32.load8_u (local.get $at)) (i32.const 1))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $at) (i32.const 262144))))
        (drop (call $args_sizes (i32.const 0) (i32.const 4)))
        (call $fail (i32.ne (i32.load (i32.const 0)) (i32.const 1)) (i32.const 2))
        (drop (call $environ_sizes (i32.const 8) (i32.const 12)))
        (call $fail (i32.load (i32.const 8)) (i32.const 3))
        (local.set $at (i32.const 3))
        (loop $next
          (call $fail (i32.eqz (call $fdstat (local.get $at) (i32.const 64))) (i32.const 4))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $at) (i32.const 300))))
        (i32.store (i32.const 16) (i32.const 1024))
        (i32.store (i32.const 20) (i32.const 64))
        (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))
        (call $fail (i32.load (i32.const 24)) (i32.const 5))))`);
    const id = await bed.start(leaving, {
      runtime: 'wasi', argv: ['secret', 'secret'], env: [['SECRET', 'secret']], stdin: true, mounts: [{ guestPath: '/data', hostPath: bed.directory, readOnly: false }],
    });
    const { stdin } = await bed.engine.attach(id).catch(() => ({ stdin: undefined }));
    await stdin?.getWriter().write(new TextEncoder().encode('secret')).catch(() => {});
    assert.equal((await bed.ended(id)).exit?.code, 0);
    for (let turn = 0; turn < 3; turn += 1) assert.deepEqual((await bed.run(looking, { runtime: 'wasi', argv: ['looking'] })).exit, { code: 0, reason: 'Completed' });
  });
});
