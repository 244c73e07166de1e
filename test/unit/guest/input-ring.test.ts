import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { InputRingReader, InputRingWriter } from '../../../core/guest/input-ring.ts';
import { ringHeaderBytes } from '../../../core/guest/protocol.ts';

function ring(bytes: number): { writer: InputRingWriter; reader: InputRingReader; bells: () => number } {
  const memory = new SharedArrayBuffer(ringHeaderBytes + bytes);
  let bells = 0;
  return { writer: new InputRingWriter(memory), reader: new InputRingReader(memory, () => (bells += 1)), bells: () => bells };
}

describe('the input ring', () => {
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

  it('rings for space only when the writer found none', () => {
    const { writer, reader, bells } = ring(8);
    writer.write(new Uint8Array(8));
    reader.read(new Uint8Array(4));
    assert.equal(bells(), 0);
    writer.write(new Uint8Array(4));
    assert.equal(writer.write(new Uint8Array(1)), 0);
    reader.read(new Uint8Array(1));
    reader.read(new Uint8Array(1));
    assert.equal(bells(), 1);
  });
});
