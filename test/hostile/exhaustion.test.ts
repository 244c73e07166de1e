/** Guests that take as much as they can get, on every runtime and class. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import zlib from 'node:zlib';
import { componentText } from '../integration/jco/component-bed.ts';
import { inSoak } from '../support/soak.ts';
import { wat } from '../support/wat.ts';
import { attacker, guest, head } from './support/guests.ts';
import { HostileNode } from './support/hostile-node.ts';
import type { AttackOptions, Outcome } from './support/hostile-node.ts';
import { readProcess } from './support/node-recorder.ts';
import { nameOf, runtimeClasses } from './support/runtime-classes.ts';
import type { RuntimeClass } from './support/runtime-classes.ts';

const mebibyte = 1024 ** 2;

interface Glutton {
  readonly sentence: string;
  readonly only?: (target: RuntimeClass) => boolean;
  readonly options: (node: HostileNode) => Promise<AttackOptions>;
  readonly check: (outcome: Outcome, target: RuntimeClass) => void;
}

const ended = (reason: string, code: number, message?: RegExp) => (outcome: Outcome): void => {
  assert.deepEqual([outcome.reason, outcome.code], [reason, code], JSON.stringify(outcome));
  if (message !== undefined) assert.match(outcome.message, message);
};

/** Prints a number, in letters from "a" for 0: 16 of them, the first the highest four bits of an i64. */
const print = '(func $print (param $value i64) (local $at i32) (loop $next (i32.store8 (i32.add (i32.const 600) (local.get $at)) (i32.add (i32.const 97) (i32.and (i32.wrap_i64 (i64.shr_u (local.get $value) (i64.extend_i32_u (i32.sub (i32.const 60) (i32.mul (i32.const 4) (local.get $at)))))) (i32.const 15)))) (local.set $at (i32.add (local.get $at) (i32.const 1))) (br_if $next (i32.lt_u (local.get $at) (i32.const 16)))) (i32.store8 (i32.const 616) (i32.const 10)) (call $write (i32.const 1) (i32.const 600) (i32.const 17)))';
const printed = (line: string | undefined): number => Number([...(line ?? '')].reduce((sum, letter) => sum * 16n + BigInt(letter.charCodeAt(0) - 97), 0n));

const growUntilRefused = '(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))';
const touchAll = `(loop $again (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then
  (memory.fill (i32.shl (i32.sub (memory.size) (i32.const 1)) (i32.const 16)) (i32.const 1) (i32.const 65536)) (br $again))))`;

const gluttons: readonly Glutton[] = [
  {
    sentence: 'memory is told so exactly, and never gets more than its limit',
    options: async () => ({ module: guest(`${touchAll} (call $print (i64.extend_i32_u (memory.size))) unreachable`, { functions: print }), memory: '64Mi' }),
    check(outcome, { kind }) {
      ended('OOMKilled', 137, /memory limit/)(outcome);
      // A component holds its adapter's memory beside the program's.
      const pages = printed(outcome.lines.at(-1));
      assert.ok(pages <= 1024 && (kind === 'component' || pages === 1024), `${pages} pages`);
      assert.ok(outcome.peakBytes < 160 * mebibyte, `${outcome.peakBytes} bytes`);
    },
  },
  { sentence: 'memory and then exits with an error is told so as well', options: async () => ({ module: guest(`${growUntilRefused} (call $exit (i32.const 1))`), memory: '32Mi' }), check: ended('OOMKilled', 137) },
  { sentence: 'memory and then does without is none of it', options: async () => ({ module: guest(growUntilRefused), memory: '32Mi' }), check: ended('Completed', 0) },
  { sentence: 'one huge piece of memory', options: async () => ({ module: guest('(if (i32.eq (memory.grow (i32.const 40000)) (i32.const -1)) (then unreachable))'), memory: '32Mi' }), check: ended('OOMKilled', 137) },
  {
    sentence: 'table elements',
    options: async () => ({ module: guest('(loop $again (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable', { functions: '(table $t 0 funcref)' }), memory: '32Mi' }),
    check(outcome) {
      assert.notEqual(outcome.code, 0);
      // V8 makes a table anew when it grows; the old ones are garbage for a while.
      assert.ok(outcome.peakBytes < 300 * mebibyte, `${outcome.peakBytes} bytes`);
    },
  },
  {
    sentence: 'descriptors gets as many as it may',
    options: async (node) => {
      const hostPath = await node.hostDirectory('descriptors');
      writeFileSync(path.join(hostPath, 'f'), 'f');
      return {
        mounts: [{ mountPath: '/data', hostPath }],
        module: guest(`(i32.store8 (i32.const 700) (i32.const 102))
          (loop $again
            (local.set $errno (call $open (i32.const 3) (i32.const 0) (i32.const 700) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 20)))
            (if (i32.eqz (local.get $errno)) (then (local.set $n (i32.add (local.get $n) (i32.const 1)))))
            (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $tries) (i32.const 5000))))
          (call $print (i64.extend_i32_u (local.get $n))) (call $print (i64.extend_i32_u (local.get $errno)))`, { functions: print, locals: '(local $tries i32) (local $errno i32)' }),
      };
    },
    check(outcome, { strong, kind }) {
      if (!strong) return;
      ended('Completed', 0)(outcome);
      const [files, errno] = outcome.lines.slice(-2).map(printed);
      assert.ok(files! > 100 && files! <= 256, `${files} files`);
      if (kind === 'module') assert.equal(errno, 33);
    },
  },
  { sentence: 'stack by calling itself', options: async () => ({ module: guest('(call $deep)', { functions: '(func $deep (call $deep) (call $deep))' }) }), check: ended('Error', 134, /call stack exhausted/) },
  {
    sentence: 'stack in its linear memory',
    options: async () => ({ module: guest('(call $deep)', { functions: '(global $sp (mut i32) (i32.const 60000)) (func $deep (global.set $sp (i32.sub (global.get $sp) (i32.const 1000))) (i32.store (global.get $sp) (i32.const 1)) (call $deep) (drop (i32.load (global.get $sp))))' }) }),
    check: ended('Error', 134),
  },
  {
    sentence: 'timers by the hundred thousand',
    options: async () => ({ module: guest(subscribed(100_000, 0), { memory: '200', functions: subscribe }), memory: '64Mi' }),
    check: (outcome) => assert.notEqual(outcome.reason, 'Deleted'),
  },
  {
    sentence: 'subscriptions by the million',
    options: async () => ({ module: guest(subscribed(1_000_000, 1), { memory: '1400', functions: subscribe }), memory: '128Mi' }),
    check: (outcome) => assert.notEqual(outcome.reason, 'Deleted'),
  },
  {
    sentence: 'the file system of the runtime',
    options: async (node) => ({ module: attacker, args: ['fill', '64', 'file'], mounts: [{ mountPath: '/data', hostPath: await node.hostDirectory('filled') }] }),
    // Volumes are files of the host: their own limits are asserted with emptyDir. A copy takes nothing.
    check: (outcome, { features }) => features?.volumes === 'copy' && assert.match(outcome.lines.join(), /filled [1-9]/),
  },
  {
    sentence: 'descriptors where the stack ends',
    options: async (node) => {
      const hostPath = await node.hostDirectory('brink');
      writeFileSync(path.join(hostPath, 'f'), 'f');
      return { mounts: [{ mountPath: '/data', hostPath }], module: brink, stopAfter: 1_500 };
    },
    check: () => {},
  },
  {
    sentence: 'nothing, but traps in its start function while it holds volumes',
    options: async (node) => ({ mounts: [{ mountPath: '/data', hostPath: await node.hostDirectory('start') }], module: wat('(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32))) (memory (export "memory") 1) (func $begin (drop (call $yield)) unreachable) (start $begin) (func (export "_start")))') }),
    check: (outcome) => assert.notEqual(outcome.code, 0),
  },
];

/** `$subscribe`: fills memory from 65536 on with so many subscriptions, then polls. Clocks due in an hour, or reads of stdin. */
const subscribe = `(func $subscribe (param $count i32) (param $kind i32) (result i32) (local $i i32) (local $at i32)
  (loop $next
    (local.set $at (i32.add (i32.const 65536) (i32.mul (local.get $i) (i32.const 48))))
    (i32.store8 offset=8 (local.get $at) (local.get $kind))
    (if (i32.eqz (local.get $kind)) (then
      (i32.store offset=16 (local.get $at) (i32.const 1))
      (i64.store offset=24 (local.get $at) (i64.add (i64.const 100000000) (i64.extend_i32_u (local.get $i))))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $i) (local.get $count))))
  (call $poll (i32.const 65536) (i32.add (i32.const 65536) (i32.mul (local.get $count) (i32.const 48))) (local.get $count) (i32.const 16)))`;
const subscribed = (count: number, kind: number): string => `(loop $again (drop (call $subscribe (i32.const ${count}) (i32.const ${kind}))) (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $again (i32.lt_u (local.get $n) (i32.const 3))))`;

/** Recurses to the end of the stack, opens a file at each of the last depths, catches what comes of it, and does it again. */
const brink = wat(`(module ${head()}
  (data (i32.const 700) "f")
  (func $open-one (drop (call $open (i32.const 3) (i32.const 0) (i32.const 700) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 20))))
  (func $deep (param $x i64) (param $y i64)
    (try (do (call $deep (local.get $y) (local.get $x))) (catch_all))
    (global.set $left (i32.add (global.get $left) (i32.const 1)))
    (if (i32.lt_u (global.get $left) (i32.const 40)) (then (try (do (call $open-one)) (catch_all)))))
  (global $left (mut i32) (i32.const 0))
  (func (export "_start") (call $ready)
    (loop $again (global.set $left (i32.const 0)) (try (do (call $deep (i64.const 1) (i64.const 2))) (catch_all)) (br $again))))`);

/** Writes 8 MiB to the volume's file "f" and sleeps. */
const flooder = guest(`(i32.store8 (i32.const 700) (i32.const 102))
  (if (call $open (i32.const 3) (i32.const 0) (i32.const 700) (i32.const 1) (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 20)) (then unreachable))
  (loop $again
    (call $write (i32.load (i32.const 20)) (i32.const 1024) (i32.const 1048576))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $n) (i32.const 8))))
  (call $sleep (i64.const 3600000000000))`, { memory: '20' });

/** 50 core modules, each of which takes all memory that it can get. */
const manyModules = componentText(`(component
  ${Array.from({ length: 50 }, (_, index) => `
  (core module $m${index} (memory 1) (func (export "take") (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))) ) (memory.fill (i32.const 0) (i32.const 1) (i32.shl (memory.size) (i32.const 16)))))
  (core instance $i${index} (instantiate $m${index}))`).join('')}
  (core module $main ${Array.from({ length: 50 }, (_, index) => `(import "m" "${index}" (func $t${index}))`).join('')}
    (func (export "run") (result i32) ${Array.from({ length: 50 }, (_, index) => `(call $t${index})`).join('')} (i32.const 0)))
  (core instance $main (instantiate $main (with "m" (instance ${Array.from({ length: 50 }, (_, index) => `(export "${index}" (func $i${index} "take"))`).join('')}))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))`);

/** Subscribes to a clock for ever and drops nothing. */
const handles = componentText(`(component
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (alias outer 1 $pollable (type $outer)) (export "pollable" (type $own (eq $outer))) (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
  (alias export $clock "subscribe-duration" (func $subscribe))
  (core func $subscribe (canon lower (func $subscribe)))
  (core module $main (import "h" "s" (func $s (param i64) (result i32))) (func (export "run") (result i32) (loop $again (drop (call $s (i64.const 3600000000000))) (br $again)) (i32.const 0)))
  (core instance $main (instantiate $main (with "h" (instance (export "s" (func $subscribe))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))`);

/** `(type (array (mut (ref null 0))))`: makes arrays of 1000, each of which holds the one before. wabt's text has no GC. */
const arrays = Uint8Array.from([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  1, 8, 2, 0x5e, 0x63, 0, 1, 0x60, 0, 0, // types: the array, () -> ()
  3, 2, 1, 1,
  5, 3, 1, 0, 1,
  7, 19, 2, 6, ...Buffer.from('memory'), 2, 0, 6, ...Buffer.from('_start'), 0, 0,
  10, 31, 1, 29, 1, 2, 0x63, 0, // one body with two locals of (ref null 0)
  0x03, 0x40, // loop
  0x41, 0xe8, 0x07, 0xfb, 7, 0, 0x22, 1, // local.tee 1 (array.new_default 0 (i32.const 1000))
  0x41, 0, 0x20, 0, 0xfb, 14, 0, // array.set 0 (…) (i32.const 0) (local.get 0)
  0x20, 1, 0x21, 0, 0x0c, 0, 0x0b, 0x0b, // local.set 0 (local.get 1), br 0
]);

describe('a guest that takes', () => {
  let node: HostileNode;
  before(async () => {
    node = await HostileNode.start({ containerLogMaxSize: '1Mi', containerLogMaxFiles: 400 });
  });
  after(() => node.close());

  for (const target of runtimeClasses) {
    for (const { sentence, only = () => true, options, check } of gluttons) {
      if (only(target)) {
        it(`${sentence} (${nameOf(target)})`, async (t) => {
          const given = await options(node);
          check(await node.unharmed(t, () => node.attack(target, given)), target);
        });
      }
    }

    it(`the log's disk is held back, and loses nothing that was accepted (${nameOf(target)})`, async (t) => {
      const mebibytes = inSoak(1024, 24);
      const name = await node.create(target, { module: flood(mebibytes * 1024) });
      await node.unharmed(t, async () => {
        await node.fake.until('the end of the flood', () => node.pod(name)?.status?.containerStatuses?.[0]?.state?.terminated, 280_000);
        const { uid } = node.pod(name)!.metadata;
        checkFlood(path.join(node.directory, 'logs', `default_${name}_${uid}`, 'main'), mebibytes * 1024);
        node.fake.delete('pods', 'default', name);
        await node.fake.until('its deletion', () => node.pod(name) === undefined);
      });
    });

    if (target.kind === 'module') {
      it(`GC arrays ends alone (${nameOf(target)})`, async (t) => {
        const outcome = await node.unharmed(t, () => node.attack(target, { module: arrays, memory: '64Mi' }));
        assert.notEqual(outcome.code, 0);
        t.diagnostic(`${outcome.reason} ${outcome.message}; peak ${(outcome.peakBytes / mebibyte).toFixed(0)} MiB`);
      });
      continue;
    }
    it(`memory in 50 modules of one component (${nameOf(target)})`, async (t) => {
      const module = await manyModules;
      const outcome = await node.unharmed(t, () => node.attack(target, { module, memory: '32Mi' }));
      t.diagnostic(`${outcome.reason} ${outcome.message}; peak ${(outcome.peakBytes / mebibyte).toFixed(0)} MiB`);
      assert.ok(outcome.peakBytes < 250 * mebibyte, `${outcome.peakBytes} bytes`);
    });
    it(`handles without end ends alone (${nameOf(target)})`, async (t) => {
      const module = await handles;
      const outcome = await node.unharmed(t, () => node.attack(target, { module, memory: '64Mi', seconds: 120 }));
      t.diagnostic(`${outcome.reason} ${outcome.message}; peak ${(outcome.peakBytes / mebibyte).toFixed(0)} MiB`);
      assert.notEqual(outcome.code, 0);
    });
  }

  it('more of an emptyDir than its sizeLimit is evicted', async (t) => {
    // Not on the weaker ones: uvwasi's descriptors are not Node's to close when a guest is stopped.
    const targets = runtimeClasses.filter(({ strong }) => strong);
    await node.unharmed(t, async () => {
      const names = await Promise.all(targets.map((target) => node.create(target, {
        module: flooder,
        container: { volumeMounts: [{ name: 'scratch', mountPath: '/data' }] },
        spec: { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '4Mi' } }] },
      })));
      for (const [index, name] of names.entries()) {
        const status = await node.fake.until(`${nameOf(targets[index]!)} ends`, () => {
          const { phase, ...rest } = (node.pod(name)?.status ?? {}) as { phase?: string; reason?: string; message?: string };
          return phase === 'Failed' && rest;
        }, 40_000);
        assert.deepEqual([status.reason, status.message], ['Evicted', 'Usage of EmptyDir volume "scratch" exceeds the limit "4Mi". '], nameOf(targets[index]!));
        node.fake.delete('pods', 'default', name);
        await node.fake.until('its deletion', () => node.pod(name) === undefined);
      }
    });
  });

  it('descriptors never holds more of the node\'s than it may', async () => {
    const hostPath = await node.hostDirectory('brink');
    for (const target of runtimeClasses.filter(({ strong }) => strong)) {
      const before = readProcess(node.pid).descriptors;
      const name = await node.create(target, { module: brink, mounts: [{ mountPath: '/data', hostPath }] });
      await node.fake.until('it runs, or has run', () => {
        const state = node.pod(name)?.status?.containerStatuses?.[0]?.state;
        return state?.running ?? state?.terminated;
      });
      let most = 0;
      for (let look = 0; look < 30; look++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        most = Math.max(most, readProcess(node.pid).descriptors - before);
      }
      node.fake.delete('pods', 'default', name);
      await node.fake.until('its deletion', () => node.pod(name) === undefined);
      assert.ok(most <= 256 + 40, `${nameOf(target)}: ${most} descriptors more`);
    }
  });
});

/** Writes so many lines of 1023 bytes that begin with their number, as `$print` has it. */
function flood(lines: number): Uint8Array {
  return guest(`(memory.fill (i32.const 1024) (i32.const 120) (i32.const 1023)) (i32.store8 (i32.const 2047) (i32.const 10))
    (loop $again
      (local.set $at (i32.const 0))
      (loop $digit
        (i32.store8 (i32.add (i32.const 1024) (local.get $at)) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $n) (i32.sub (i32.const 28) (i32.mul (i32.const 4) (local.get $at)))) (i32.const 15))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $digit (i32.lt_u (local.get $at) (i32.const 8))))
      (call $write (i32.const 1) (i32.const 1024) (i32.const 1024))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const ${lines}))))`, { locals: '(local $at i32)' });
}

/** The log and its rotated parts hold every line once, in order. */
function checkFlood(directory: string, lines: number): void {
  const parts = readdirSync(directory).filter((name) => name.startsWith('0.log')).sort((left, right) => (left === '0.log' ? 1 : right === '0.log' ? -1 : left < right ? -1 : 1));
  let next = 0;
  for (const part of parts) {
    const bytes = readFileSync(path.join(directory, part));
    for (const line of (part.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes).toString().split('\n')) {
      const text = / stdout F ([a-p]{8})x{1015}$/.exec(line)?.[1];
      if (text === undefined) continue;
      assert.equal(printed(text), next++, part);
    }
  }
  assert.equal(next, lines);
  if (lines > 10_000) assert.ok(parts.length > 1 && parts.every((part) => statSync(path.join(directory, part)).size < 60 * mebibyte), parts.join());
}
