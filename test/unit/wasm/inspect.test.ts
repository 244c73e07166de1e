import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WasmletError } from '../../../core/api/errors.ts';
import { inspect, isWasm } from '../../../core/wasm/inspect.ts';
import { assemble, rawComponent, rawModule, rawName, rawSection } from './support.ts';

function malformedMessage(bytes: Uint8Array): string {
  try {
    inspect(bytes);
  } catch (error) {
    assert.ok(error instanceof WasmletError, String(error));
    assert.equal(error.code, 'MODULE_MALFORMED');
    return error.message;
  }
  return assert.fail('was accepted');
}

test('tells Wasm from other files by the magic number alone', () => {
  assert.equal(isWasm(rawModule()), true);
  assert.equal(isWasm(rawComponent()), true);
  assert.equal(isWasm(Uint8Array.of(0, 0x61, 0x73, 0x6d)), true);
  assert.equal(isWasm(Uint8Array.of(0, 0x61, 0x73)), false);
  assert.equal(isWasm(new TextEncoder().encode('#!/bin/sh')), false);
});

test('reads imports, exports, memories and the start section of a module', () => {
  const bytes = assemble(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (import "env" "memory" (memory 2 5 shared))
    (import "env" "table" (table 1 funcref))
    (import "env" "global" (global (mut i64)))
    (import "env" "tag" (tag (param i32)))
    (memory i64 1)
    (memory 3)
    (func $begin)
    (start $begin)
    (export "gr\\c3\\b6\\c3\\9fe" (memory 1))
    (export "_start" (func $begin)))`);
  assert.deepEqual(inspect(bytes), {
    kind: 'module',
    imports: [
      { module: 'wasi_snapshot_preview1', name: 'fd_write', kind: 'func' },
      { module: 'env', name: 'memory', kind: 'memory' },
      { module: 'env', name: 'table', kind: 'table' },
      { module: 'env', name: 'global', kind: 'global' },
      { module: 'env', name: 'tag', kind: 'tag' },
    ],
    exports: [{ name: 'größe', kind: 'memory' }, { name: '_start', kind: 'func' }],
    memories: [
      { minimumBytes: 131072, maximumBytes: 327680, shared: true, is64: false, imported: true },
      { minimumBytes: 65536, shared: false, is64: true, imported: false },
      { minimumBytes: 196608, shared: false, is64: false, imported: false },
    ],
    start: true,
    gc: false,
    notShareable: 'it has a shared memory',
  });
});

test('takes the sizes of a memory with one-byte pages as bytes', () => {
  const inspection = inspect(rawModule(...rawSection(5, 1, 0x09, 10, 20, 0)));
  assert.ok(inspection.kind === 'module');
  assert.deepEqual(inspection.memories, [{ minimumBytes: 10, maximumBytes: 20, shared: false, is64: false, imported: false }]);
});

test('finds the types of the GC proposal', () => {
  const structType = [0x5f, 1, 0x78, 1];
  const gc = (bytes: Uint8Array): boolean => {
    const inspection = inspect(bytes);
    return inspection.kind === 'module' && inspection.gc;
  };
  assert.equal(gc(rawModule(...rawSection(1, 1, ...structType))), true);
  assert.equal(gc(rawModule(...rawSection(1, 1, 0x4e, 2, 0x50, 0, ...structType, 0x60, 0, 0))), true);
  assert.equal(gc(rawModule(...rawSection(1, 1, 0x60, 1, 0x6e, 0))), true, 'anyref as a parameter');
  assert.equal(gc(rawModule(...rawSection(1, 1, 0x60, 2, 0x6f, 0x7b, 1, 0x70))), false, 'externref, v128, funcref');
});

test('reads a component: imports, exports, world and the core modules at every depth', () => {
  const core = (name: string): number[] => [...rawModule(...rawSection(7, 0), ...rawSection(0, ...rawName(name)))];
  const nested = [...rawComponent(...rawSection(1, ...core('inner')), ...rawSection(10, 1, 0, ...rawName('hidden'), 1, 0))];
  const bytes = rawComponent(
    ...rawSection(1, ...core('outer')),
    ...rawSection(4, ...nested),
    ...rawSection(10, 3,
      0, ...rawName('wasi:cli/environment@0.2.6'), 5, 0,
      1, ...rawName('a-type'), 3, 1,
      0, ...rawName('a-module'), 0, 0x11, 0),
    ...rawSection(11, 2,
      0, ...rawName('wasi:cli/run@0.2.6'), 5, 0, 0,
      0, ...rawName('run'), 0, 0x11, 0, 1, 1, 4),
  );
  const inspection = inspect(bytes);
  assert.ok(inspection.kind === 'component');
  assert.deepEqual(inspection.imports, ['wasi:cli/environment@0.2.6', 'a-type', 'a-module']);
  assert.deepEqual(inspection.exports, ['wasi:cli/run@0.2.6', 'run']);
  assert.equal(inspection.world, 'wasi:cli/command@0.2.6');
  assert.equal(inspection.coreModules.length, 2);
});

const exporting = (...names: string[]): Uint8Array =>
  rawComponent(...rawSection(11, names.length, ...names.flatMap((name) => [0, ...rawName(name), 5, 0, 0])));

for (const { name, exports, world } of [
  { name: 'nothing known: no world', exports: ['acme:tool/thing@1.0.0'], world: undefined },
  { name: 'a run without a version is not WASI\'s', exports: ['wasi:cli/run'], world: undefined },
  { name: 'an incoming handler: proxy', exports: ['wasi:http/incoming-handler@0.2.3'], world: 'wasi:http/proxy@0.2.3' },
  { name: 'a handler of 0.3: service', exports: ['wasi:http/handler@0.3.0'], world: 'wasi:http/service@0.3.0' },
  { name: 'a command that also handles requests: command', exports: ['wasi:http/handler@0.3.0', 'wasi:cli/run@0.3.0'], world: 'wasi:cli/command@0.3.0' },
  { name: 'a service with the stub of a 0.2 command: service', exports: ['wasi:cli/run@0.2.0', 'wasi:http/handler@0.3.0'], world: 'wasi:http/service@0.3.0' },
  { name: 'a command and a proxy of one series: command', exports: ['wasi:http/incoming-handler@0.2.6', 'wasi:cli/run@0.2.0'], world: 'wasi:cli/command@0.2.0' },
  { name: 'two versions: the newest', exports: ['wasi:cli/run@0.2.10', 'wasi:cli/run@0.3.0', 'wasi:cli/run@0.2.9'], world: 'wasi:cli/command@0.3.0' },
]) {
  test(`world: ${name}`, () => {
    const inspection = inspect(exporting(...exports));
    assert.ok(inspection.kind === 'component');
    assert.equal(inspection.world, world);
  });
}

for (const { name, bytes, says } of [
  { name: 'not Wasm', bytes: new TextEncoder().encode('plain text'), says: /no Wasm magic number \(offset 0x0\)/ },
  { name: 'ends in the preamble', bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d, 1), says: /ends in the preamble/ },
  { name: 'unknown version', bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0), says: /version 2 of layer 0 is unknown/ },
  { name: 'section longer than the file', bytes: rawModule(2, 100, 0), says: /ends in section 2 of 100 bytes \(offset 0xa\)/ },
  { name: 'size that never ends', bytes: rawModule(2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), says: /a section size is not a 32-bit number \(offset 0x9\)/ },
  { name: 'more imports than bytes', bytes: rawModule(...rawSection(2, 0xff, 0xff, 0xff, 0xff, 0x0f)), says: /4294967295 imports do not fit into 0 bytes/ },
  { name: 'unknown section', bytes: rawModule(...rawSection(42)), says: /section id 42 is unknown/ },
  { name: 'sections out of order', bytes: rawModule(...rawSection(7, 0), ...rawSection(2, 0)), says: /section 2 is out of order/ },
  { name: 'a section twice', bytes: rawModule(...rawSection(5, 0), ...rawSection(5, 0)), says: /section 5 is out of order or there twice/ },
  { name: 'a name that is no UTF-8', bytes: rawModule(...rawSection(7, 1, 1, 0xff, 0, 0)), says: /name of an export is not valid UTF-8/ },
  { name: 'bytes left over', bytes: rawModule(...rawSection(5, 0, 1, 2)), says: /2 bytes left over at the end of the memory section/ },
  { name: 'unknown limits flags', bytes: rawModule(...rawSection(5, 1, 0x40, 1)), says: /unknown flags 0x40/ },
  { name: 'minimum over maximum', bytes: rawModule(...rawSection(5, 1, 1, 5, 4)), says: /memory minimum 5 is over its maximum 4/ },
  { name: 'shared without a maximum', bytes: rawModule(...rawSection(5, 1, 2, 5)), says: /shared memory has no maximum/ },
  { name: 'memory beyond its addresses', bytes: rawModule(...rawSection(5, 1, 0, 0x81, 0x80, 0x04)), says: /65537 pages is larger/ },
  { name: 'a page size that is not one', bytes: rawModule(...rawSection(5, 1, 8, 1, 12)), says: /page size 2\^12/ },
  { name: 'unknown import kind', bytes: rawModule(...rawSection(2, 1, 0, 0, 9, 0)), says: /an import kind 9 is unknown/ },
  { name: 'unknown component section', bytes: rawComponent(...rawSection(13)), says: /component section id 13 is unknown/ },
  { name: 'unknown form of a component name', bytes: rawComponent(...rawSection(10, 1, 7, 0, 5, 0)), says: /unknown form 7/ },
  { name: 'a component as core module', bytes: rawComponent(...rawSection(1, ...rawComponent())), says: /a component stands where a core module/ },
]) {
  test(`malformed: ${name}`, () => assert.match(malformedMessage(bytes), says));
}

test('malformed: components nested too deep', () => {
  let bytes = rawComponent();
  for (let level = 0; level < 40; level++) {
    const size = bytes.length;
    bytes = rawComponent(4, (size & 0x7f) | 0x80, size >> 7, ...bytes);
  }
  assert.match(malformedMessage(bytes), /nested more than 32 deep/);
});

test('whatever is damaged, the answer is an inspection or MODULE_MALFORMED', () => {
  const seeds = [
    assemble('(module (import "a" "b" (func)) (memory 1 2) (func (export "f")) (table 1 funcref))'),
    exporting('wasi:cli/run@0.2.0'),
    rawComponent(...rawSection(1, ...rawModule(...rawSection(5, 1, 0, 1)))),
  ];
  fc.assert(fc.property(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
    fc.nat(),
    (seed, changes, cut) => {
      const damaged = seed.slice(0, 8 + (cut % (seed.length - 7)));
      for (const [at, byte] of changes) if (damaged.length > 8) damaged[8 + (at % (damaged.length - 8))] = byte;
      try {
        inspect(damaged);
      } catch (error) {
        assert.ok(error instanceof WasmletError && error.code === 'MODULE_MALFORMED', String(error));
      }
    },
  ), { numRuns: 3000 });
});
