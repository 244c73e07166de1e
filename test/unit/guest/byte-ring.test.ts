import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ByteRingReader, ByteRingWriter, createByteRing } from '../../../core/guest/rings/byte-ring.ts';

interface TestRing {
  readonly writer: ByteRingWriter;
  readonly reader: ByteRingReader;
  /** How often the reader asked the writer to look, and the writer the reader. */
  readonly bells: { space: number; bytes: number };
}

function ring(bytes: number): TestRing {
  const memory = createByteRing(bytes);
  const bells = { space: 0, bytes: 0 };
  return { writer: new ByteRingWriter(memory, () => (bells.bytes += 1)), reader: new ByteRingReader(memory, () => (bells.space += 1)), bells };
}

describe('a byte ring', () => {
  it('is a byte stream, whatever the sizes of writes and reads', () => {
    const step = fc.oneof(fc.record({ write: fc.uint8Array({ maxLength: 100 }) }), fc.record({ read: fc.nat(100) }));
    fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const { writer, reader } = ring(64);
      const written: number[] = [];
      const seen: number[] = [];
      const read = (length: number): void => {
        const target = new Uint8Array(length);
        seen.push(...target.subarray(0, reader.read(target)));
      };
      for (const act of steps) {
        if ('write' in act) written.push(...act.write.subarray(0, writer.write(act.write)));
        else read(act.read);
        assert.equal(reader.readable(), written.length - seen.length);
      }
      read(64);
      assert.deepEqual(seen, written);
    }));
  });

  it('is at its end only after what was written before closing', () => {
    const { writer, reader } = ring(64);
    assert.equal(reader.readable(), 0);
    writer.write(Uint8Array.of(1, 2));
    writer.close();
    assert.equal(reader.readable(), 2);
    reader.read(new Uint8Array(2));
    assert.equal(reader.readable(), -1);
  });

  it('rings for space only when the writer found none, once half of it is free', () => {
    const { writer, reader, bells } = ring(8);
    writer.write(new Uint8Array(8));
    reader.read(new Uint8Array(4));
    assert.equal(bells.space, 0);
    writer.write(new Uint8Array(4));
    assert.equal(writer.write(new Uint8Array(1)), 0);
    for (let count = 0; count < 3; count++) reader.read(new Uint8Array(1));
    assert.equal(bells.space, 0);
    reader.read(new Uint8Array(1));
    reader.read(new Uint8Array(1));
    assert.equal(bells.space, 1);
  });

  it('rings for bytes only when the reader has looked since the last time', () => {
    const { writer, reader, bells } = ring(8);
    writer.write(Uint8Array.of(1));
    writer.write(Uint8Array.of(2));
    assert.equal(bells.bytes, 1);
    assert.equal(reader.readable(), 2);
    writer.write(Uint8Array.of(3));
    assert.equal(bells.bytes, 2);
  });

  it('rings once for its end, and says whether it was cut', () => {
    for (const cut of [false, true]) {
      const { writer, reader, bells } = ring(8);
      if (cut) writer.reset();
      else writer.close();
      writer.close();
      assert.deepEqual([reader.readable(), reader.reset, writer.closed, bells.bytes], [-1, cut, true, 1]);
    }
  });

  it('shows bytes without taking them', () => {
    const { writer, reader } = ring(4);
    writer.write(Uint8Array.of(0, 0, 1));
    reader.read(new Uint8Array(2));
    writer.write(Uint8Array.of(2, 3));
    const seen = new Uint8Array(8);
    assert.equal(reader.peek(seen), 3);
    assert.deepEqual([...seen.subarray(0, 3)], [1, 2, 3]);
    assert.equal(reader.read(seen), 3);
  });

  it('tells the writer that nobody reads', () => {
    const { writer, reader, bells } = ring(4);
    writer.write(new Uint8Array(4));
    reader.abandon();
    reader.abandon();
    assert.deepEqual([writer.writable(), writer.write(Uint8Array.of(1)), bells.space], [-1, 0, 1]);
  });

  it('is no ring unless its size is a power of two', () => {
    assert.throws(() => ring(3), RangeError);
  });
});
