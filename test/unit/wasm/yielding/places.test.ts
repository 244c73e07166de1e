/** Where checks stand, found by running: a guest that never meets one is one that never ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryWriter } from '../../../../core/wasm/binary/binary-writer.ts';
import { checkedModule } from '../../../support/checked-module.ts';
import type { CheckedModule, CheckedOptions } from '../../../support/checked-module.ts';
import { assemble, rawModule, rawName, rawSection } from '../support.ts';

/** Lets the guest go on a number of times, then never again. */
function doomedAfter(yields: number): { readonly onYield: () => number; readonly count: () => number } {
  let count = 0;
  return { onYield: () => (count++ < yields ? 0 : 1), count: () => count };
}

function isUnreachable(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError && /unreachable/.test(error.message);
}

/** Runs an export that would not end: it must, by a trap, once the host says so. */
function endsWhenDoomed(bytes: Uint8Array, options: Partial<CheckedOptions> = {}, call = (guest: CheckedModule): unknown => guest.exports['run']!()): void {
  const { onYield, count } = doomedAfter(5);
  assert.throws(() => call(checkedModule(bytes, { onYield, ...options })), isUnreachable);
  assert.equal(count(), 6);
}

const endless: Readonly<Record<string, string>> = {
  'a loop': '(module (func (export "run") (loop (br 0))))',
  'a loop with parameters and a value on the stack': '(module (func (export "run") (result i32) i32.const 7 i32.const 1 (loop (param i32) (result i32) (br 0))  i32.add))',
  'a loop behind unreachable code': '(module (func (export "run") (block (br 0) unreachable (loop (br 0))) (loop (br 0))))',
  'br_table to a loop': '(module (func (export "run") (loop (br_table 0 0 0 (i32.const 1)))))',
  'a tail call to itself': '(module (func $run (export "run") (return_call $run)))',
  'tail calls in a circle': '(module (func $a (export "run") (return_call $b)) (func $b (return_call $c)) (func $c (return_call $a)))',
  'an indirect tail call to itself': '(module (table 1 funcref) (elem (i32.const 0) $run) (type $t (func)) (func $run (export "run") (return_call_indirect (type $t) (i32.const 0))))',
  'indirect tail calls with equal types under two names': `(module (type $t (func (param i32))) (type $u (func (param i32))) (table 2 funcref) (elem (i32.const 0) $a $b)
    (func $a (type $t) (return_call_indirect (type $u) (local.get 0) (i32.const 1))) (func $b (type $u) (return_call_indirect (type $t) (local.get 0) (i32.const 0)))
    (func (export "run") (call $a (i32.const 0))))`,
  'a loop in a function called by reference': '(module (table 1 funcref) (elem (i32.const 0) $f) (type $t (func)) (func $f (loop (br 0))) (func (export "run") (call_indirect (type $t) (i32.const 0))))',
  'a loop of host calls': '(module (import "host" "call" (func $call)) (func (export "run") (loop (call $call) (br 0))))',
  'a reference taken in code': `(module (type $t (func)) (table $table 1 funcref) (elem declare func $run)
    (func $run (export "run") (table.set $table (i32.const 0) (ref.func $run)) (return_call_indirect (type $t) (i32.const 0))))`,
};
for (const [name, text] of Object.entries(endless)) {
  test(`ends: ${name}`, () => endsWhenDoomed(assemble(text), { imports: { host: { call: () => {} } } }));
}

test('ends: call_ref of itself', () => {
  // (func $run (export "run") (return_call_ref 0 (ref.func $run))): wabt does not write it.
  endsWhenDoomed(rawModule(
    ...rawSection(1, 1, 0x60, 0, 0), ...rawSection(3, 1, 0), ...rawSection(7, 1, ...rawName('run'), 0, 0), ...rawSection(10, 1, 6, 0, 0xd2, 0, 0x15, 0, 0x0b),
  ));
});

test('ends: recursion that comes back, 40 levels of two calls each', () => {
  const text = '(module (func $f (export "run") (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1)))))))';
  endsWhenDoomed(assemble(text), {}, ({ exports }) => (exports['run'] as (levels: number) => void)(40));
});

test('ends: mutual recursion by call_indirect', () => {
  const text = `(module (type $t (func (param i32))) (table 2 funcref) (elem (i32.const 0) $a $b)
    (func $a (param i32) (if (local.get 0) (then (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)) (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))))
    (func $b (param i32) (call_indirect (type $t) (local.get 0) (i32.const 0)))
    (func (export "run") (call $b (i32.const 60))))`;
  endsWhenDoomed(assemble(text));
});

/** f0 calls f1 twice, f1 calls f2 twice, …: 2^levels calls without a loop, without a circle. */
function doubling(levels: number, leaf: string): string {
  const functions = Array.from({ length: levels }, (_, level) => `(func $f${level} (call $f${level + 1}) (call $f${level + 1}))`);
  return `(module (memory 1) (import "host" "call" (func $call)) ${functions.join('')} (func $f${levels} ${leaf}) (func (export "run") (call $f0)))`.replace(/\(memory 1\) (\(import[^)]*\)\))/, '$1 (memory 1)');
}

test('ends: functions that call each other twice, 60 levels deep', () => {
  endsWhenDoomed(assemble(doubling(60, 'nop')), { imports: { host: { call: () => {} } } });
});

test('ends: the same by reference', () => {
  const levels = 50;
  const functions = Array.from({ length: levels }, (_, level) => {
    const down = `(call_indirect (type $t${level + 1}) ${'(i32.const 0) '.repeat(level + 1)} (i32.const ${level + 1}))`;
    return `(func $f${level} (type $t${level}) ${down} ${down})`;
  });
  const types = Array.from({ length: levels + 1 }, (_, level) => `(type $t${level} (func ${'(param i32)'.repeat(level)}))`);
  const text = `(module ${types.join('')} (table ${levels + 1} funcref) (elem (i32.const 0) ${types.map((_, level) => `$f${level}`).join(' ')})
    ${functions.join('')} (func $f${levels} (type $t${levels})) (func (export "run") (call $f0)))`;
  endsWhenDoomed(assemble(text));
});

/** `(i32.store (i32.const 0) (i32.const 1))` */
const store = [0x41, 0, 0x41, 1, 0x36, 2, 0];

/** A module with a memory, whose `run` has this code. */
function longModule(pieces: readonly (readonly number[])[]): Uint8Array {
  const body = new BinaryWriter().u8(0);
  for (const piece of pieces) body.raw(piece);
  const code = new BinaryWriter().u32(1).sized(body.u8(0x0b).written);
  return new BinaryWriter()
    .raw(rawModule(...rawSection(1, 1, 0x60, 0, 0), ...rawSection(3, 1, 0), ...rawSection(5, 1, 0, 1), ...rawSection(7, 1, ...rawName('run'), 0, 0)))
    .u8(10).sized(code.written).written;
}

test('ends: a long way without any loop or call', () => {
  const { onYield, count } = doomedAfter(1_000_000);
  checkedModule(longModule(new Array<readonly number[]>(300_000).fill(store)), { onYield }).exports['run']!();
  assert.ok(count() >= 600 && count() < 2_000, `${count()} checks`);
});

test('ends: a long way that leaps over every place where a check could stand by count', () => {
  const { onYield, count } = doomedAfter(1_000_000);
  const stores = (times: number): number[] => new Array<readonly number[]>(times).fill(store).flat();
  // (block stores… (br_if 0 (i32.const 1)) stores…): the second half is leapt over.
  const piece = [0x02, 0x40, ...stores(5000), 0x41, 1, 0x0d, 0, ...stores(5000), 0x0b];
  checkedModule(longModule(new Array<readonly number[]>(60).fill(piece)), { onYield }).exports['run']!();
  assert.ok(count() >= 5, `${count()} checks`);
});

test('straight-line host calls have a check between any two, also through a wrapper, a reference and an exported table', () => {
  for (const call of ['(call $call)', '(call $wrapper)', '(call_indirect (type $t) (i32.const 0))']) {
    for (const table of ['', '(export "table")']) {
      let calls = 0;
      let since = 0;
      let most = 0;
      const text = `(module (type $t (func)) (import "host" "call" (func $call)) (table ${table} 1 funcref) (elem (i32.const 0) $call) (func $wrapper (call $call)) (func (export "run") ${call.repeat(100)}))`;
      const guest = checkedModule(assemble(text), {
        onYield: () => {
          since = 0;
          return 0;
        },
        imports: { host: { call: () => {
          calls++;
          most = Math.max(most, ++since);
        } } },
      });
      guest.exports['run']!();
      assert.equal(calls, 100);
      assert.equal(most, 1, `${call} ${table}`);
    }
  }
});

test('a start section becomes an export of its own, which can end', () => {
  endsWhenDoomed(assemble('(module (start $start) (func $other) (func $start (loop (br 0))))'), {}, (guest) => {
    assert.equal(guest.rewriting.start, true);
    return guest.start();
  });
  endsWhenDoomed(assemble('(module (start $first) (func $first (loop (br 0))))'), {}, (guest) => guest.start());
});

test('a start section that is an import stays one', () => {
  let started = 0;
  const guest = checkedModule(assemble('(module (import "host" "call" (func $call)) (start $call))'), { onYield: () => 0, imports: { host: { call: () => void started++ } } });
  assert.equal(started, 0);
  guest.start();
  assert.equal(started, 1);
});

const heavy: Readonly<Record<string, string>> = {
  'table.fill': '(table.fill 0 (i32.const 0) (ref.null func) (i32.const 100))',
  'table.copy': '(table.copy 0 0 (i32.const 0) (i32.const 1) (i32.const 99))',
  'table.grow': '(drop (table.grow 0 (ref.null func) (i32.const 1)))',
  'table.init': '(table.init 0 0 (i32.const 0) (i32.const 0) (i32.const 1))',
  'memory.grow': '(drop (memory.grow (i32.const 1)))',
};
for (const [name, code] of Object.entries(heavy)) {
  test(`a check stands between two of ${name}`, () => {
    let checks = 0;
    const guest = checkedModule(assemble(`(module (memory 1) (table 100 funcref) (elem $e func $run) (func $run (export "run") ${code.repeat(20)}))`), { onYield: () => (checks++, 0) });
    guest.exports['run']!();
    assert.ok(checks >= 19, `${checks} checks`);
  });
}

const everywhere = 100;
const catches: Readonly<Record<string, (levels: number) => Uint8Array>> = {
  'catch_all of the old kind': (levels) => assemble(`(module (func $f (export "run") (param i32)
    (loop $again ${'(try (do '.repeat(levels)} (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))) (loop (br 0)) ${') (catch_all (br $again)))'.repeat(levels)})))`),
  // loop (block (try_table (catch_all 0) … end) br 1) end) br 0, written by hand: wabt does not know it.
  'try_table with catch_all': () => rawModule(
    ...rawSection(1, 1, 0x60, 1, 0x7f, 0), ...rawSection(3, 1, 0), ...rawSection(7, 1, ...rawName('run'), 0, 0),
    ...rawSection(10, 1, 33, 0, 0x03, 0x40, 0x02, 0x40, 0x1f, 0x40, 1, 2, 0,
      0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x10, 0, 0x0b, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b, 0x0b, 0x0c, 0, 0x0b, 0x0b),
  ),
};
for (const [name, module] of Object.entries(catches)) {
  test(`no ${name} holds a guest back that is not to go on`, () => {
    endsWhenDoomed(module(everywhere), {}, ({ exports }) => (exports['run'] as (depth: number) => void)(18));
  });
}

test('an exception that goes round in circles meets checks', () => {
  const text = '(module (tag $t) (func $thrower (throw $t)) (func $f (try (do (call $thrower)) (catch_all))) (func (export "run") ' + '(call $f)'.repeat(50) + '))';
  let checks = 0;
  checkedModule(assemble(text), { onYield: () => (checks++, 0) }).exports['run']!();
  assert.ok(checks >= 50, `${checks} checks`);
});

test('without anybody waiting nothing is called', () => {
  const text = '(module (memory 1) (func $f (export "run") (param i32) (loop (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if 0 (local.get 0)))))';
  const guest = checkedModule(assemble(text), { epoch: 0, onYield: () => assert.fail('called') });
  (guest.exports['run'] as (times: number) => void)(1000);
});

test('the flag is read again each time', () => {
  let calls = 0;
  const guest = checkedModule(assemble('(module (func (export "run") (loop (br 0))))'), { onYield: () => {
    calls++;
    guest.epoch[0] = 0;
    // The next one to raise the flag is another thread; here it is the one after this call.
    setTimeout(() => {}, 0);
    guest.epoch[0] = 1;
    return calls === 3 ? 1 : 0;
  } });
  assert.throws(() => guest.exports['run']!(), isUnreachable);
  assert.equal(calls, 3);
});

test('guests on one thread take turns', async () => {
  const module = assemble('(module (func (export "run") (param i32) (result i32) (local i32) (loop (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br_if 0 (i32.lt_u (local.get 1) (local.get 0)))) (local.get 1)))');
  const turns: string[] = [];
  const guest = (name: string): Promise<unknown> => {
    const { exports } = checkedModule(module, { onYield: new WebAssembly.Suspending(async () => {
      turns.push(name);
      await new Promise((resolve) => setImmediate(resolve));
      return 0;
    }) });
    return WebAssembly.promising(exports['run']!)(5);
  };
  assert.deepEqual(await Promise.all([guest('a'), guest('b')]), [5, 5]);
  assert.deepEqual(turns, ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
});

test('a suspended guest that is not to go on traps where it stands', async () => {
  let go: (answer: number) => void = () => {};
  const { exports } = checkedModule(assemble(`(module (func (export "run") (try (do (loop (br 0))) (catch_all (loop (br 0))))))`), {
    onYield: new WebAssembly.Suspending(() => new Promise<number>((resolve) => (go = resolve))),
  });
  const running = WebAssembly.promising(exports['run']!)();
  await new Promise((resolve) => setImmediate(resolve));
  go(0);
  await new Promise((resolve) => setImmediate(resolve));
  go(1);
  await assert.rejects(running, isUnreachable);
});

test('functions that are on no circle and do little have no check', () => {
  const text = `(module (memory 1) (table 1 funcref) (elem (i32.const 0) $leaf) (type $t (func (param i32) (result i32)))
    (func $leaf (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "run") (result i32) (i32.add (call $leaf (i32.const 4)) (call_indirect (type $t) (i32.const 8) (i32.const 0)))))`;
  const guest = checkedModule(assemble(text), { onYield: () => assert.fail('a check') });
  assert.equal((guest.exports['run'] as () => number)(), 0);
});
