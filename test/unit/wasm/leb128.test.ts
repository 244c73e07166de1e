import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WasmletError } from '../../../core/api/errors.ts';
import { BinaryReader } from '../../../core/wasm/binary/binary-reader.ts';
import { BinaryWriter } from '../../../core/wasm/binary/binary-writer.ts';

const reading = (bytes: ArrayLike<number>): BinaryReader => new BinaryReader(Uint8Array.from(bytes));
const refused = (action: () => unknown): void => assert.throws(action, (error) => error instanceof WasmletError && error.code === 'MODULE_MALFORMED');

/** The encoding filled up to `length` bytes with continuation, as some linkers write it. */
function padded(bytes: Uint8Array, length: number, filler: number): number[] {
  const result = [...bytes];
  while (result.length < length) {
    result[result.length - 1]! |= 0x80;
    result.push(filler);
  }
  return result;
}

test('u32: what is written is read, padded or not', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 1, max: 5 }), (value, length) => {
    const bytes = new BinaryWriter(1).u32(value).written;
    const reader = reading(padded(bytes, length, 0));
    assert.equal(reader.u32('a number'), value);
    assert.equal(reader.remaining, 0);
  }));
});

test('u64: what is written is read, padded or not', () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.integer({ min: 1, max: 10 }), (value, length) => {
    assert.equal(reading(padded(new BinaryWriter(1).u64(value).written, length, 0)).u64('a number'), value);
  }));
});

test('s64: what is written is what WebAssembly reads', () => {
  fc.assert(fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), (value) => {
    const constant = new BinaryWriter().u8(0x42).s64(value).u8(0x0b).written.slice();
    // (module (global (export "g") i64 (i64.const value)))
    const global = new BinaryWriter().u8(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 6).sized(new BinaryWriter().u8(1, 0x7e, 0).raw(constant).written).u8(7, 5, 1, 1, 0x67, 3, 0);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(global.written.slice()));
    assert.equal((exports['g'] as WebAssembly.Global).value, value);
    const reader = reading(constant.subarray(1));
    reader.skipLeb(64, 'a number');
    assert.equal(reader.remaining, 1);
  }), { numRuns: 300 });
});

test('numbers that are too long or too large are refused', () => {
  refused(() => reading([0x80, 0x80, 0x80, 0x80, 0x10]).u32('a number'));
  refused(() => reading([0x80, 0x80, 0x80, 0x80, 0x80, 0]).u32('a number'));
  refused(() => reading([...new Array<number>(9).fill(0x80), 2]).u64('a number'));
  refused(() => reading([...new Array<number>(10).fill(0x80), 0]).u64('a number'));
  refused(() => reading([0x80, 0x80, 0x80, 0x80, 0x80, 0]).skipLeb(32, 'a number'));
  refused(() => reading([...new Array<number>(10).fill(0x80), 0]).skipLeb(64, 'a number'));
});

test('numbers that end too early are refused', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4 }), (length) => {
    const bytes = new Array<number>(length).fill(0xff);
    refused(() => reading(bytes).u32('a number'));
    refused(() => reading(bytes).u64('a number'));
    refused(() => reading(bytes).skipLeb(33, 'a number'));
  }));
});

test('a stretch ends where it was said to, although the file goes on', () => {
  const outer = reading([1, 2, 3, 4]);
  const inner = outer.stretch(2, 'a stretch');
  assert.deepEqual([inner.u8('a byte'), inner.u8('a byte')], [1, 2]);
  refused(() => inner.u8('a byte'));
  assert.equal(outer.u8('a byte'), 3);
  refused(() => outer.stretch(2, 'a stretch'));
});
