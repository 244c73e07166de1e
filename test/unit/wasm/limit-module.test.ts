import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WasmletError } from '../../../core/api/errors.ts';
import { inspect } from '../../../core/wasm/inspect.ts';
import { outlineOf } from '../../../core/wasm/limiting/module-outline.ts';
import { growRefusedExport, limitModule } from '../../../core/wasm/rewrite-module.ts';
import type { ModuleLimits } from '../../../core/wasm/rewrite-module.ts';
import { assemble, rawModule, rawSection } from './support.ts';

const page = 65536;

function run(text: string, limits: Partial<ModuleLimits>, imports: WebAssembly.Imports = {}): Record<string, (...args: unknown[]) => unknown> & { refused(): number } {
  const limited = limitModule(assemble(text), { markGrowth: true, ...limits });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(limited.bytes.slice()), imports);
  const counter = exports[growRefusedExport];
  const refused = (): number => (counter instanceof WebAssembly.Global ? Number(counter.value) : assert.fail('not marked'));
  return { ...exports as Record<string, (...args: unknown[]) => unknown>, refused };
}

function memoriesOf(bytes: Uint8Array) {
  const inspection = inspect(bytes);
  return inspection.kind === 'module' ? inspection.memories : assert.fail('no module');
}

function errorOf(action: () => unknown): WasmletError {
  try {
    action();
  } catch (error) {
    if (error instanceof WasmletError) return error;
    throw error;
  }
  return assert.fail('did not throw');
}

const growing = '(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))';

test('a memory without a maximum gets the limit, a smaller maximum stays', () => {
  const bytes = assemble('(module (memory 1) (memory 1 3) (memory 1 2))');
  const limited = limitModule(bytes, { memoryBytes: 100 * page, markGrowth: true });
  assert.deepEqual(memoriesOf(limited.bytes).map(({ maximumBytes }) => maximumBytes), [98 * page, 3 * page, 2 * page]);
  assert.equal(limited.growthMarked, false, 'nothing grows');
});

test('kinds of memory keep their kind: shared, 64 bits, one-byte pages, imported', () => {
  const shared = memoriesOf(limitModule(assemble('(module (memory 1 100 shared))'), { memoryBytes: 5 * page, markGrowth: false }).bytes);
  assert.deepEqual(shared, [{ minimumBytes: page, maximumBytes: 5 * page, shared: true, is64: false, imported: false }]);
  const wide = memoriesOf(limitModule(assemble('(module (memory i64 1))'), { memoryBytes: 5 * page, markGrowth: false }).bytes);
  assert.deepEqual(wide, [{ minimumBytes: page, maximumBytes: 5 * page, shared: false, is64: true, imported: false }]);
  const small = memoriesOf(limitModule(rawModule(...rawSection(5, 1, 8, 10, 0)), { memoryBytes: 1000, markGrowth: false }).bytes);
  assert.deepEqual(small, [{ minimumBytes: 10, maximumBytes: 1000, shared: false, is64: false, imported: false }]);
  const imported = memoriesOf(limitModule(assemble('(module (import "a" "m" (memory 1)))'), { memoryBytes: 5 * page, markGrowth: false }).bytes);
  assert.deepEqual(imported, [{ minimumBytes: page, maximumBytes: 5 * page, shared: false, is64: false, imported: true }]);
});

test('a limit that is no whole number of pages is rounded down', () => {
  const [memory] = memoriesOf(limitModule(assemble('(module (memory 1))'), { memoryBytes: 3 * page - 1, markGrowth: false }).bytes);
  assert.equal(memory?.maximumBytes, 2 * page);
});

test('without a memory limit memories stay as they are', () => {
  const bytes = assemble(`(module (memory 1) ${growing})`);
  const limited = limitModule(bytes, { markGrowth: true });
  assert.deepEqual(limited.bytes, bytes);
  assert.equal(limited.growthMarked, false);
});

test('without marks the memories of a module share what is left', () => {
  const bytes = assemble('(module (memory 1) (memory 3))');
  const limited = limitModule(bytes, { memoryBytes: 10 * page, markGrowth: false });
  assert.deepEqual(memoriesOf(limited.bytes).map(({ maximumBytes }) => maximumBytes), [4 * page, 6 * page]);
});

test('a minimum over the limit is refused with both figures, also as a sum', () => {
  const one = errorOf(() => limitModule(assemble('(module (memory 17))'), { memoryBytes: 16 * page, markGrowth: true }));
  assert.equal(one.code, 'MEMORY_OVER_LIMIT');
  assert.equal(one.message, `the module needs at least ${17 * page} bytes of memory, its limit is ${16 * page} bytes`);
  const sum = errorOf(() => limitModule(assemble('(module (import "a" "b" (memory 9)) (memory 8))'), { memoryBytes: 16 * page, markGrowth: true }));
  assert.equal(sum.code, 'MEMORY_OVER_LIMIT');
});

test('tables are limited, defined with or without an expression and imported', () => {
  const bytes = assemble(`(module (import "a" "t" (table 1 funcref)) (table 2 externref) (table 1 5 funcref)
    (func (export "grow") (result i32) (table.grow 1 (ref.null extern) (i32.const 100))))`);
  const limited = limitModule(bytes, { tableElements: 50, markGrowth: true });
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 1, maximum: 50 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(limited.bytes.slice()), { a: { t: table } });
  assert.equal((exports['grow'] as () => number)(), -1);
  // (table 0x40 0x00 funcref {0..} (ref.null func))
  const initialised = rawModule(...rawSection(4, 1, 0x40, 0, 0x70, 0, 3, 0xd0, 0x70, 0x0b));
  assert.deepEqual(limitModule(initialised, { tableElements: 9, markGrowth: true }).bytes, rawModule(...rawSection(4, 1, 0x40, 0, 0x70, 1, 3, 9, 0xd0, 0x70, 0x0b)));
  const error = errorOf(() => limitModule(bytes, { tableElements: 1, markGrowth: true }));
  assert.match(error.message, /a table of at least 2 elements, the limit is 1/);
});

test('growth that the limit refuses is counted', () => {
  const guest = run(`(module (memory 1) ${growing})`, { memoryBytes: 4 * page });
  assert.equal(guest.grow!(2), 1);
  assert.equal(guest.refused(), 0);
  assert.equal(guest.grow!(2), -1);
  assert.equal(guest.refused(), 1);
  assert.equal(guest.grow!(1), 3);
  assert.equal(guest.grow!(1), -1);
  assert.equal(guest.grow!(0), 4);
  assert.equal(guest.refused(), 2);
});

test('growth that the module itself forbids is not counted', () => {
  const own = run(`(module (memory 1 10) ${growing})`, { memoryBytes: 4 * page });
  assert.equal(own.grow!(10), -1, 'more than the declared maximum');
  assert.equal(own.refused(), 0);
  assert.equal(own.grow!(9), -1, 'allowed by the module, not by the limit');
  assert.equal(own.refused(), 1);
  const address = run(`(module (memory 1) ${growing})`, { memoryBytes: 4 * page });
  assert.equal(address.grow!(-1), -1, 'more than addresses reach');
  assert.equal(address.grow!(65536), -1);
  assert.equal(address.refused(), 0);
});

test('a module whose own maximum lies within the limit is not touched', () => {
  const limited = limitModule(assemble(`(module (memory 1 4) ${growing})`), { memoryBytes: 4 * page, markGrowth: true });
  assert.equal(limited.growthMarked, false);
});

test('memories of 64 bits, imported and shared ones are marked too', () => {
  const wide = run('(module (memory i64 1) (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0))))', { memoryBytes: 4 * page });
  assert.equal(wide.grow!(3n), 1n);
  assert.equal(wide.grow!(1n), -1n);
  assert.equal(wide.grow!(-1n), -1n);
  assert.equal(wide.refused(), 1);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 3 });
  const imported = run(`(module (import "a" "m" (memory 1)) ${growing})`, { memoryBytes: 4 * page }, { a: { m: memory } });
  assert.equal(imported.grow!(2), 1);
  assert.equal(imported.grow!(1), -1);
  assert.equal(imported.refused(), 1);
  const shared = run(`(module (memory 1 100 shared) ${growing})`, { memoryBytes: 2 * page });
  assert.equal(shared.grow!(1), 1);
  assert.equal(shared.grow!(1), -1);
  assert.equal(shared.refused(), 1);
});

test('an imported memory keeps the limit itself as its maximum, so that modules of a component still match', () => {
  const owner = limitModule(assemble('(module (memory (export "m") 2))'), { memoryBytes: 8 * page, markGrowth: true });
  const user = limitModule(assemble('(module (import "a" "m" (memory 1)) (memory 3))'), { memoryBytes: 8 * page, markGrowth: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(owner.bytes.slice()));
  assert.ok(new WebAssembly.Instance(new WebAssembly.Module(user.bytes.slice()), { a: { m: exports['m']! } }));
});

test('the memories of a module stay together below the limit, whatever is asked for', () => {
  const text = `(module (memory $a 1) (memory $b i64 2 20) (memory $c 0)
    (func (export "a") (param i32) (result i32) (memory.grow $a (local.get 0)))
    (func (export "b") (param i64) (result i64) (memory.grow $b (local.get 0)))
    (func (export "c") (param i32) (result i32) (memory.grow $c (local.get 0))))`;
  const largest = { a: 65536, b: 20, c: 65536 };
  fc.assert(fc.property(
    fc.integer({ min: 3, max: 40 }),
    fc.array(fc.record({ memory: fc.constantFrom('a', 'b', 'c'), delta: fc.oneof(fc.nat(6), fc.nat(70000), fc.constant(0xffffffff)) }), { maxLength: 12 }),
    (limit, requests) => {
      const guest = run(text, { memoryBytes: limit * page + 17 });
      const size = { a: 1, b: 2, c: 0 };
      let refused = 0;
      for (const { memory, delta } of requests) {
        const answer = Number(guest[memory]!(memory === 'b' ? BigInt(delta) : delta | 0));
        const fitsLimit = size.a + size.b + size.c + delta <= limit;
        const fitsModule = size[memory] + delta <= largest[memory];
        if (fitsLimit && fitsModule) {
          assert.equal(answer, size[memory]);
          size[memory] += delta;
        } else {
          assert.equal(answer, -1);
          if (fitsModule) refused++;
        }
        assert.equal(guest.refused(), refused);
      }
    },
  ), { numRuns: 150 });
});

test('the reserved export name is refused', () => {
  const text = `(module (memory 1) (global (export "${growRefusedExport}") (mut i32) (i32.const 0)) ${growing})`;
  assert.match(errorOf(() => limitModule(assemble(text), { memoryBytes: page, markGrowth: true })).message, /is reserved/);
});

test('sections that point into the code go when the code moves, names stay', () => {
  const custom = (name: string): number[] => rawSection(0, name.length, ...new TextEncoder().encode(name));
  const bytes = Uint8Array.from([...assemble(`(module (memory 1) ${growing})`), ...custom('.debug_info'), ...custom('sourceMappingURL'), ...custom('producers')]);
  const left = (limits: ModuleLimits): string[] => {
    const module = new WebAssembly.Module(limitModule(bytes, limits).bytes.slice());
    return ['name', '.debug_info', 'sourceMappingURL', 'producers'].filter((name) => WebAssembly.Module.customSections(module, name).length > 0);
  };
  assert.deepEqual(left({ memoryBytes: page, markGrowth: true }), ['name', 'producers']);
  assert.deepEqual(left({ memoryBytes: page, markGrowth: false }), ['name', '.debug_info', 'sourceMappingURL', 'producers']);
});

test('a module without globals and exports gets the sections it lacks, in their places', () => {
  const limited = limitModule(assemble('(module (memory 1) (func $f (drop (memory.grow (i32.const 1)))) (start $f) (data (i32.const 0) "x"))'), { memoryBytes: page, markGrowth: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(limited.bytes.slice()));
  assert.deepEqual(Object.keys(exports), [growRefusedExport]);
  assert.equal((exports[growRefusedExport] as WebAssembly.Global).value, 1);
});

test('an opcode that is not known is refused with its place', () => {
  const bodies = (...code: number[]): Uint8Array => rawModule(...rawSection(1, 1, 0x60, 0, 0), ...rawSection(3, 1, 0), ...rawSection(5, 1, 0, 1), ...rawSection(10, 1, code.length + 2, 0, ...code, 0x0b));
  for (const [code, says] of [
    [[0x27], /opcode 0x27 is unknown \(offset 0x1c\)/], [[0xfc, 23], /opcode 0xfc 0x17 is unknown/], [[0xfb, 31], /opcode 0xfb 0x1f/],
    [[0xfd, 0x94, 2], /opcode 0xfd 0x114/], [[0xfe, 4], /opcode 0xfe 0x4/], [[0x1f, 0x40, 1, 9, 0], /catch clause 9/],
  ] as const) {
    assert.match(errorOf(() => limitModule(bodies(...code), { memoryBytes: page, markGrowth: true })).message, says);
  }
  assert.match(errorOf(() => limitModule(rawModule(...rawSection(1, 1, 0x60, 0, 0), ...rawSection(3, 1, 0), ...rawSection(5, 1, 0, 1), ...rawSection(10, 1, 2, 0, 0x01)), { memoryBytes: page, markGrowth: true })).message, /does not end/);
});

test('whatever is damaged, the answer is a module or an error of ours', () => {
  const seed = assemble(`(module (import "a" "b" (func)) (import "a" "t" (table 1 funcref)) (memory 1) (memory i64 1 9) ${growing} (global i32 (i32.const 1)))`);
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }), fc.nat(), (changes, cut) => {
    const damaged = seed.slice(0, seed.length - (cut % 3 === 0 ? cut % 20 : 0));
    for (const [at, byte] of changes) damaged[8 + (at % (damaged.length - 8))] = byte;
    try {
      const valid = WebAssembly.validate(damaged);
      const limited = limitModule(damaged, { memoryBytes: 100 * page, tableElements: 100, markGrowth: true });
      if (valid) assert.ok(WebAssembly.validate(limited.bytes.slice()), 'a valid module stays valid');
    } catch (error) {
      assert.ok(error instanceof WasmletError, String(error));
      assert.ok(['MODULE_MALFORMED', 'MEMORY_OVER_LIMIT'].includes(error.code));
    }
  }), { numRuns: 3000 });
});

const stopping = '(func $stop (if (global.get $never) (then (call $stop))))';

test('calls a function that V8 does not put in the place of its call, before tail calls and long bulk instructions, so that the thread can be ended', () => {
  const before = assemble('(module (memory 1) (func $t (memory.fill (i32.const 0) (i32.const 1) (i32.const 65000)) (return_call $t)) (func (export "_start") (memory.copy (i32.const 0) (i32.const 64) (i32.const 32))))');
  const after = assemble(`(module (memory 1) (global $never (mut i32) (i32.const 0))
    (func $t (memory.fill (i32.const 0) (i32.const 1) (i32.const 65000) (call $stop)) (call $stop) (return_call $t))
    (func (export "_start") (memory.copy (i32.const 0) (i32.const 64) (i32.const 32)))
    ${stopping})`);
  assert.equal(codeOf(limitModule(before, { markGrowth: false }).bytes), codeOf(after));
});

test('leaves code without any of them as it is', () => {
  const bytes = assemble('(module (memory 1) (func (export "_start") (loop (br 0))))');
  assert.deepEqual(limitModule(bytes, { markGrowth: true }).bytes, bytes);
});

function codeOf(bytes: Uint8Array): string {
  const reader = outlineOf(bytes).sections.find(({ id }) => id === 10)!;
  return Buffer.from(bytes.subarray(reader.start, reader.end)).toString('hex');
}

test('without a limit a table still ends where V8 would end the process', () => {
  const { grow } = run('(module (table 1 funcref) (func (export "grow") (param i32) (result i32) (table.grow 0 (ref.null func) (local.get 0))))', { markGrowth: false });
  assert.deepEqual([grow!(2 ** 20), grow!(2 ** 20 - 1)], [-1, 1]);
  const error = errorOf(() => limitModule(assemble('(module (table 1048577 funcref))'), { markGrowth: false }));
  assert.equal(error.code, 'MEMORY_OVER_LIMIT');
});

test('no array is made that is larger than 8 MiB, whatever its elements', () => {
  // Types: the array, (i32) -> (i32): makes one of so many elements with each instruction that takes none from a segment, and measures it.
  const module = (element: number, value: readonly number[], memory: readonly number[]) => limitModule(rawModule(
    ...rawSection(1, 2, 0x5e, element, 1, 0x60, 1, 0x7f, 1, 0x7f),
    ...rawSection(3, 2, 1, 1),
    ...memory,
    ...rawSection(7, 2, 1, 97, 0, 0, 1, 98, 0, 1),
    ...rawSection(10, 2, 9, 0, 0x20, 0, 0xfb, 7, 0, 0xfb, 15, 0x0b, 9 + value.length, 0, ...value, 0x20, 0, 0xfb, 6, 0, 0xfb, 15, 0x0b),
  ), { markGrowth: true, memoryBytes: 10 * page });
  for (const [element, bytes, value] of [[0x78, 1, [0x41, 0]], [0x77, 2, [0x41, 0]], [0x7f, 4, [0x41, 0]], [0x7e, 8, [0x42, 0]], [0x70, 8, [0xd0, 0x70]]] as const) {
    for (const memory of [[], rawSection(5, 1, 0, 1)]) {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module(element, value, memory).bytes.slice()));
      const most = 2 ** 23 / bytes;
      for (const make of [exports['a'], exports['b']] as ((length: number) => number)[]) {
        assert.equal(make(most), most);
        assert.throws(() => make(most + 1), WebAssembly.RuntimeError);
        assert.throws(() => make(-1), WebAssembly.RuntimeError);
      }
    }
  }
});

test('a constant is no larger array either', () => {
  const array = [0x63, 0];
  const constant = (...length: number[]) => [...length, 0xfb, 7, 0, 0x0b];
  const places = (...length: number[]) => [
    rawSection(6, 1, ...array, 0, ...constant(...length)),
    rawSection(4, 1, 0x40, 0, ...array, 0, 1, ...constant(...length)),
    rawSection(9, 1, 5, ...array, 1, ...constant(...length)),
  ];
  // 2^23 and one more.
  const lengths = [[0x41, 0x80, 0x80, 0x80, 0x04], [0x41, 0x81, 0x80, 0x80, 0x04]] as const;
  for (const section of places(...lengths[0])) assert.ok(new WebAssembly.Module(limitModule(rawModule(...rawSection(1, 1, 0x5e, 0x78, 1), ...section), { markGrowth: false }).bytes.slice()));
  for (const length of [lengths[1], [0x41, 0x7f], [0x41, 2, 0x41, 3, 0x6c]]) {
    for (const section of places(...length)) {
      assert.equal(errorOf(() => limitModule(rawModule(...rawSection(1, 1, 0x5e, 0x78, 1), ...section), { markGrowth: false })).code, 'MEMORY_OVER_LIMIT');
    }
  }
});

test('many tables share the room for one', () => {
  const tables = (count: number, minimum: number): string => `(module ${`(table ${minimum} funcref)`.repeat(count)} (func (export "grow") (result i32) (table.grow 0 (ref.null func) (i32.const 65536))))`;
  assert.equal(run(tables(15, 1), { markGrowth: false })['grow']!(), 1);
  assert.equal(run(tables(17, 1), { markGrowth: false })['grow']!(), -1);
  assert.equal(errorOf(() => limitModule(assemble(tables(17, 65_536)), { markGrowth: false })).code, 'MEMORY_OVER_LIMIT');
});
