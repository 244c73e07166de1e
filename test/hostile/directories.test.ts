/** Directories with more entries than a heap has room for. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { inSoak } from '../support/soak.ts';
import { eventually } from '../support/wasmlet-process.ts';
import { wat } from '../support/wat.ts';
import { guest, head } from './support/guests.ts';
import { HostileNode } from './support/hostile-node.ts';
import { nameOf, runtimeClasses } from './support/runtime-classes.ts';

const entries = inSoak(1_000_000, 200_000);
const mebibyte = 1024 ** 2;

/** Opens the volume's directory as often as it may, begins to read each, and keeps them all; then says how many. */
const listings = wat(`(module
  (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
  ${head()}
  (data (i32.const 700) ".")
  (func (export "_start") (local $n i32) (call $ready)
    (block $full
      (loop $again
        (br_if $full (call $open (i32.const 3) (i32.const 0) (i32.const 700) (i32.const 1) (i32.const 2) (i64.const 16384) (i64.const 0) (i32.const 0) (i32.const 20)))
        (br_if $full (call $readdir (i32.load (i32.const 20)) (i32.const 4096) (i32.const 4096) (i64.const 0) (i32.const 24)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 1000)))))
    (if (i32.lt_u (local.get $n) (i32.const 50)) (then unreachable))))`);

/** Reads all of the volume's directory in one call, and says how many bytes that were, as so many x. */
const inOneCall = wat(`(module
  (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
  ${head('2000')}
  (func (export "_start") (call $ready)
    (if (call $readdir (i32.const 3) (i32.const 65536) (i32.const 120000000) (i64.const 0) (i32.const 24)) (then unreachable))
    (memory.fill (i32.const 65536) (i32.const 120) (i32.const 1024))
    (call $write (i32.const 1) (i32.const 65536) (i32.div_u (i32.load (i32.const 24)) (i32.const ${24 * entries})))))`);

describe(`a directory of ${entries} entries`, () => {
  let node: HostileNode;
  let huge: string;
  before(async () => {
    // A disk takes ten times as long to make them.
    huge = mkdtempSync('/dev/shm/wasmlet-huge-');
    execFileSync('sh', ['-c', `seq ${entries} | xargs touch`], { cwd: huge });
    node = await HostileNode.start();
  });
  after(async () => {
    rmSync(huge, { recursive: true });
    await node.close();
  });

  for (const target of runtimeClasses.filter(({ features }) => features?.volumes === 'live')) {
    it(`is not read whole, however often it is opened (${nameOf(target)})`, async (t) => {
      const neighbour = await node.create(target, { module: guest('(call $sleep (i64.const 3600000000000))') });
      const state = () => node.pod(neighbour)?.status?.containerStatuses?.[0];
      await eventually('the neighbour runs', () => state()?.state?.running);
      const outcome = await node.unharmed(t, () => node.attack(target, { module: listings, mounts: [{ mountPath: '/data', hostPath: huge }] }));
      assert.ok(state()?.state?.running && state()?.restartCount === 0, JSON.stringify(state()));
      if (!target.strong) return;
      assert.equal(outcome.code, 0, JSON.stringify(outcome));
      assert.ok(outcome.peakBytes < 100 * mebibyte, `${outcome.peakBytes} bytes`);
    });

    it(`is read in one call (${nameOf(target)})`, async (t) => {
      const outcome = await node.unharmed(t, () => node.attack(target, { module: inOneCall, mounts: [{ mountPath: '/data', hostPath: huge }] }));
      if (target.strong) assert.deepEqual([outcome.code, outcome.lines], [0, ['ready', 'x']], JSON.stringify(outcome));
    });
  }
});
