/** `memory.fill` and its like go in pieces, and do what the instruction does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkedModule, makeMemory } from '../../../support/checked-module.ts';
import { assemble } from '../support.ts';

const mebibyte = 1024 * 1024;
const pages = 64;
const size = pages * 65536;

type Operation = 'fill' | 'copy' | 'init';
const dataBytes = 2 * mebibyte + 5000;

function source(is64: boolean): Uint8Array {
  const address = is64 ? 'i64' : 'i32';
  const data = String.fromCharCode(...Array.from({ length: 26 }, (_, letter) => 97 + letter));
  const text = data.repeat(Math.ceil(dataBytes / data.length)).slice(0, dataBytes);
  return assemble(`(module (memory (export "memory") ${is64 ? 'i64' : ''} ${pages}) (data $d "${text}")
    (func (export "fill") (param ${address} i32 ${address}) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param ${address} ${address} ${address}) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init") (param ${address} i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
    (func (export "drop") (data.drop $d)))`);
}

for (const is64 of [false, true]) {
  const bytes = source(is64);
  let checks = 0;
  const plain = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  const checked = checkedModule(bytes, { onYield: () => (checks++, 0) });

  const contents = (instance: WebAssembly.Instance): Uint8Array => new Uint8Array((instance.exports['memory'] as WebAssembly.Memory).buffer);
  const outcome = (instance: WebAssembly.Instance, operation: Operation, operands: readonly [number, number, number]): string => {
    const wide = is64 ? { fill: [0, 2], copy: [0, 1, 2], init: [0] }[operation] : [];
    try {
      (instance.exports[operation] as Function)(...operands.map((operand, nth) => (wide.includes(nth) ? BigInt(operand) : operand)));
      return 'done';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const prepare = (instance: WebAssembly.Instance): void => {
    const memory = contents(instance);
    for (let at = 0; at < size; at += 4) memory[at] = (at * 2654435761) >>> 24;
  };

  const cases: readonly (readonly [string, Operation, readonly [number, number, number], checks: number])[] = [
    ['nothing', 'fill', [0, 1, 0], 1],
    ['a little', 'fill', [100, 7, 300], 1],
    ['exactly a piece', 'fill', [3, 7, mebibyte], 1],
    ['a piece and a byte', 'fill', [3, 7, mebibyte + 1], 2],
    ['all there is', 'fill', [0, 255, size], size / mebibyte],
    ['a byte more than there is', 'fill', [0, 255, size + 1], 0],
    ['beyond the end from the middle', 'fill', [size / 2, 9, size / 2 + 1], 0],
    ['a length as long as addresses go', 'fill', [16, 9, 0xffffffff], 0],
    ['nothing, right at the end', 'fill', [size, 9, 0], 1],
    ['nothing, beyond the end', 'fill', [size + 1, 9, 0], 1],
    ['downwards, overlapping', 'copy', [1000, 70_000, 3 * mebibyte], 3],
    ['upwards, overlapping', 'copy', [70_000, 1000, 3 * mebibyte + 77], 4],
    ['upwards by one', 'copy', [1, 0, size - 1], 4],
    ['onto itself', 'copy', [5, 5, 2 * mebibyte], 2],
    ['from beyond the end', 'copy', [0, size - mebibyte, 2 * mebibyte], 0],
    ['to beyond the end', 'copy', [size - mebibyte, 0, 2 * mebibyte], 0],
    ['from an address that a length wraps', 'copy', [0, 0xffff0000, 2 * mebibyte], 0],
    ['a data segment', 'init', [4097, 3, dataBytes - 3], 3],
    ['more than the segment has', 'init', [0, 3, dataBytes], 0],
    ['a data segment beyond the end', 'init', [size - 100, 0, dataBytes], 0],
  ];
  for (const [name, operation, operands, expected] of cases) {
    test(`${operation}${is64 ? ' with 64 bits' : ''}: ${name}`, () => {
      for (const instance of [plain, checked.instance]) prepare(instance);
      checks = 0;
      const before = outcome(plain, operation, operands);
      assert.equal(outcome(checked.instance, operation, operands), before);
      assert.ok(Buffer.from(contents(checked.instance).buffer).equals(contents(plain)));
      assert.ok(checks >= expected && checks <= expected + 1, `${checks} checks, ${expected} expected`);
      assert.equal(before === 'done', expected > 0 && name !== 'nothing, beyond the end');
    });
  }

  test(`init${is64 ? ' with 64 bits' : ''}: a dropped segment`, () => {
    for (const instance of [plain, checked.instance]) {
      prepare(instance);
      (instance.exports['drop'] as () => void)();
      assert.match(outcome(instance, 'init', [0, 0, 2 * mebibyte]), /out of bounds/);
    }
    assert.ok(Buffer.from(contents(checked.instance).buffer).equals(contents(plain)));
  });
}

test('a guest that is not to go on ends in the middle of a fill', () => {
  let checks = 0;
  const guest = checkedModule(source(false), { onYield: () => (checks++ < 2 ? 0 : 1) });
  assert.throws(() => (guest.exports['fill'] as Function)(0, 1, size), /unreachable/);
  assert.deepEqual([mebibyte * 2 - 1, mebibyte * 2].map((at) => new Uint8Array(guest.memory!.buffer)[at]), [1, 0]);
});

test('small constant sizes stay where they are', () => {
  const guest = checkedModule(assemble('(module (memory 1) (func (export "run") (memory.copy (i32.const 8) (i32.const 0) (i32.const 48)) (memory.fill (i32.const 8) (i32.const 0) (i32.const 1000))))'), { onYield: () => assert.fail('a check') });
  guest.exports['run']!();
});

test('memories that the guest imports, one or several', () => {
  const text = '(module (import "a" "m" (memory 1)) (import "a" "n" (memory $n 1)) (func (export "run") (i32.store8 $n (i32.const 3) (i32.const 5)) (memory.fill $n (i32.const 0) (i32.const 9) (local.get 0)) (i32.store8 (i32.const 3) (i32.const 5))))'.replace('"run")', '"run") (param i32)');
  const [m, n] = [makeMemory({ initial: 1 }), makeMemory({ initial: 1 })];
  let checks = 0;
  const guest = checkedModule(assemble(text), { onYield: () => (checks++, 0), imports: { a: { m, n } } });
  (guest.exports['run'] as (length: number) => void)(3);
  assert.equal(guest.memory, undefined);
  assert.deepEqual([...new Uint8Array(m.buffer, 0, 4), ...new Uint8Array(n.buffer, 0, 4)], [0, 0, 0, 5, 9, 9, 9, 5]);
  assert.equal(checks, 1);
});
