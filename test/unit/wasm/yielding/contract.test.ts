/** What a rewritten module asks of its host, and which modules are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WasmletError } from '../../../../core/api/errors.ts';
import { BinaryReader } from '../../../../core/wasm/binary/binary-reader.ts';
import { readSections, sectionId } from '../../../../core/wasm/binary/sections.ts';
import { inspect } from '../../../../core/wasm/inspect.ts';
import { limitModule, rewriteModule } from '../../../../core/wasm/rewrite-module.ts';
import type { RewriteOptions } from '../../../../core/wasm/rewrite-module.ts';
import { checkedModule, rewritingOf } from '../../../support/checked-module.ts';
import { assemble, rawModule, rawName, rawSection } from '../support.ts';

const page = 65536;

function rewritten(bytes: Uint8Array, options: Partial<RewriteOptions> = {}): WebAssembly.Module {
  const result = rewriteModule(bytes, { markGrowth: false, yieldChecks: true, ...options });
  return result.kind === 'rewritten' ? new WebAssembly.Module(result.bytes) : assert.fail(result.reason);
}

function importsOf(module: WebAssembly.Module): string[] {
  return WebAssembly.Module.imports(module).map(({ module: from, name, kind }) => `${from}.${name}: ${kind}`);
}

test('the memory becomes an import, described in the section', () => {
  const module = rewritten(assemble('(module (memory (export "memory") 2) (func (export "f")))'), { memoryBytes: 10 * page });
  assert.deepEqual(importsOf(module), ['wasmlet.memory: memory', 'wasmlet.epoch: memory', 'wasmlet.yield: function']);
  assert.deepEqual(rewritingOf(module), { memory: { initial: 2, maximum: 10 }, start: false });
  const guest = checkedModule(assemble('(module (memory (export "memory") 2) (data (i32.const 5) "x"))'), { onYield: () => 0 });
  assert.equal(guest.instance.exports['memory'], guest.memory);
  assert.equal(new Uint8Array(guest.memory!.buffer)[5], 120);
});

test('a maximum of its own stays, a memory of 64 bits stays one', () => {
  assert.deepEqual(rewritingOf(rewritten(assemble('(module (memory 1 3) (func))'))), { memory: { initial: 1, maximum: 3 }, start: false });
  assert.deepEqual(rewritingOf(rewritten(assemble('(module (memory i64 1) (func))'))), { memory: { initial: 1, is64: true }, start: false });
  assert.ok(checkedModule(assemble('(module (memory i64 1 5) (func))'), { onYield: () => 0 }).memory);
});

test('a memory that the module imports stays its own', () => {
  const module = rewritten(assemble('(module (import "a" "m" (memory 1)) (func))'));
  assert.deepEqual(importsOf(module), ['a.m: memory', 'wasmlet.epoch: memory', 'wasmlet.yield: function']);
  assert.deepEqual(rewritingOf(module), { start: false });
});

test('modules without memory, functions or anything', () => {
  for (const text of ['(module)', '(module (import "a" "f" (func)) (export "f" (func 0)))', '(module (global (export "g") i32 (i32.const 1)))']) {
    assert.deepEqual(importsOf(rewritten(assemble(text))).slice(-2), ['wasmlet.epoch: memory', 'wasmlet.yield: function']);
  }
});

test('functions keep their identity wherever they are named', () => {
  const text = `(module (import "host" "f" (func $import (result i32)))
    (table (export "table") 4 funcref) (elem (i32.const 0) $first $second $import) (elem (i32.const 3) funcref (ref.func $first))
    (global $g (export "g") funcref (ref.func $first))
    (func $first (export "first") (result i32) (i32.const 1))
    (func $second (export "second") (result i32) (i32.add (call $first) (i32.const 1)))
    (func (export "last") (result i32) (table.set (i32.const 0) (ref.func $first)) (call_indirect (result i32) (i32.const 0)))
    (func (export "tail") (result i32) (return_call $first)))`;
  const { exports } = checkedModule(assemble(text), { onYield: () => 0, imports: { host: { f: () => 9 } } });
  const table = exports['table'] as unknown as WebAssembly.Table;
  const calls = [exports['first'], exports['second'], exports['last'], exports['tail'], ...[0, 1, 2, 3].map((index) => table.get(index)), (exports['g'] as unknown as WebAssembly.Global).value];
  assert.deepEqual(calls.map((call) => (call as () => number)()), [1, 2, 1, 1, 1, 2, 9, 1, 1]);
  assert.equal(table.get(0), exports['first']);
});

test('a module with more than 127 functions, whose numbers get longer', () => {
  const functions = Array.from({ length: 300 }, (_, index) => `(func $f${index} (result i32) ${index === 0 ? '(i32.const 5)' : `(call $f${index - 1})`})`);
  const { exports } = checkedModule(assemble(`(module ${functions.join('')} (export "f" (func $f299)) (export "g" (func $f0)))`), { onYield: () => 0 });
  assert.deepEqual([exports['f']!(), exports['g']!()], [5, 5]);
});

test('limits and marks come with it', () => {
  const guest = checkedModule(assemble('(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))'), {
    onYield: () => 0, memoryBytes: 4 * page, markGrowth: true,
  });
  const grow = guest.exports['grow'] as (pages: number) => number;
  assert.deepEqual([grow(3), grow(1)], [1, -1]);
  assert.equal((guest.instance.exports['wasmlet:grow-refused'] as WebAssembly.Global).value, 1);
});

test('without yield checks nothing but the limits changes', () => {
  const bytes = assemble('(module (memory 1) (func (export "f") (loop (br 0))))');
  const limits = { memoryBytes: 5 * page, markGrowth: true };
  assert.deepEqual(rewriteModule(bytes, { ...limits, yieldChecks: false }), limitModule(bytes, limits));
});

const custom = (name: string): number[] => rawSection(0, ...rawName(name));
for (const [what, bytes] of [
  ['an import', assemble('(module (import "wasmlet" "yield" (func (result i32))))')],
  ['an export', assemble('(module (func (export "wasmlet:start")))')],
  ['a custom section', rawModule(...custom('wasmlet'))],
] as const) {
  test(`${what} of the engine's name is refused`, () => {
    assert.throws(() => rewritten(bytes), (error) => error instanceof WasmletError && error.code === 'MODULE_MALFORMED' && /reserved/.test(error.message));
  });
}

test('what is invalid is refused: it must not become valid by what is added', () => {
  const outside = (code: readonly number[], ...before: number[]): Uint8Array =>
    rawModule(...rawSection(1, 1, 0x60, 0, 0), ...rawSection(3, 1, 0), ...before, ...rawSection(10, 1, code.length + 3, 0, ...code, 0x1a, 0x0b));
  for (const bytes of [
    outside([0x41, 0, 0x28, 2, 0]), // i32.load without a memory
    outside([0x41, 0, 0x28, 0x42, 1, 0], ...rawSection(5, 1, 0, 1)), // i32.load of memory 1
    outside([0x10, 1, 0x41, 0]), // call of function 1
    outside([0x23, 0]), // global.get without a global
    rawModule(...rawSection(5, 1, 0, 1), ...rawSection(7, 1, ...rawName('m'), 2, 1)), // export of memory 1
  ]) {
    assert.equal(WebAssembly.validate(bytes), false);
    assert.throws(() => rewritten(bytes), (error) => error instanceof WasmletError && error.code === 'MODULE_MALFORMED');
  }
});

const unshareable: readonly (readonly [string, Uint8Array, RegExp, seenByInspection: boolean])[] = [
  ['a shared memory', assemble('(module (memory 1 2 shared))'), /shared memory/, true],
  ['an imported shared memory', assemble('(module (import "a" "m" (memory 1 2 shared)))'), /shared memory/, true],
  ['several memories', assemble('(module (memory 1) (memory 1))'), /several memories/, true],
  ['types of the GC proposal', rawModule(...rawSection(1, 1, 0x5f, 0)), /GC/, true],
  ['instructions of the GC proposal', rawModule(...rawSection(1, 1, 0x60, 0, 0), ...rawSection(3, 1, 0), ...rawSection(10, 1, 7, 0, 0x41, 0, 0xfb, 28, 0x1a, 0x0b)), /GC/, false],
  ['a long table', assemble('(module (table 65537 funcref))'), /a table of 65537 elements/, true],
  ['copies between memories', assemble('(module (import "a" "m" (memory 1)) (import "a" "n" (memory $n 1)) (func (memory.copy 0 $n (i32.const 0) (i32.const 0) (i32.const 0))))'), /between memories/, false],
];
for (const [what, bytes, reason, seen] of unshareable) {
  test(`needs a thread of its own: ${what}`, () => {
    const result = rewriteModule(bytes, { markGrowth: false, yieldChecks: true });
    assert.match(result.kind === 'not-shareable' ? result.reason : 'rewritten', reason);
    const inspection = inspect(bytes);
    assert.ok(inspection.kind === 'module');
    assert.equal(inspection.notShareable !== undefined, seen);
    if (seen) assert.match(inspection.notShareable!, reason);
  });
}

test('as many of its functions are small as before, so that V8 inlines as before', () => {
  const text = (loops: number): string => `(module (memory 1) ${Array.from({ length: 20 }, (_, index) =>
    `(func (param i32) ${index < loops ? '(loop (br_if 0 (local.get 0)))' : 'nop '.repeat(60)} ${'nop '.repeat(35)})`).join('')})`;
  const share = (bytes: Uint8Array): number => {
    const code = [...readSections(new BinaryReader(bytes, 8))].find(({ id }) => id === sectionId.code)!.reader;
    const sizes = Array.from({ length: code.u32('bodies') }, () => {
      const size = code.u32('size');
      code.skip(size, 'body');
      return size;
    });
    return sizes.filter((size) => size < 50).length / sizes.length;
  };
  const shares = (loops: number): readonly [number, number] => {
    const bytes = assemble(text(loops));
    const result = rewriteModule(bytes, { markGrowth: false, yieldChecks: true });
    assert.ok(result.kind === 'rewritten' && WebAssembly.validate(result.bytes));
    return [share(bytes), share(result.bytes)];
  };
  const [before, after] = shares(8);
  assert.equal(before, 0.4);
  assert.ok(after >= 0.4 && after < 0.45, String(after));
  // More than half make no difference to V8, less than a quarter neither.
  assert.ok(shares(20)[1] >= 0.5 && shares(20)[1] < 0.55);
  assert.ok(shares(4)[1] < 0.1);
});

test('tables are capped, so that one table instruction is short', () => {
  const guest = checkedModule(assemble('(module (table 1 funcref) (func (export "grow") (result i32) (table.grow 0 (ref.null func) (i32.const 70000))))'), { onYield: () => 0 });
  assert.equal(guest.exports['grow']!(), -1);
});
