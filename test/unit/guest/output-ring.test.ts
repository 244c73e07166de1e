import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { createOutputRing, OutputRingReader, OutputRingWriter } from '../../../core/guest/rings/output-ring.ts';
import { outputRecordBytes, recordHeaderBytes, ringHeaderBytes } from '../../../core/guest/protocol.ts';

function ring(bytes: number): { memory: SharedArrayBuffer; bells: () => number; writer: OutputRingWriter; reader: OutputRingReader } {
  const memory = new SharedArrayBuffer(ringHeaderBytes + bytes);
  let bells = 0;
  return { memory, bells: () => bells, writer: new OutputRingWriter(memory, () => (bells += 1)), reader: new OutputRingReader(memory) };
}

describe('the output ring', () => {
  it('gives back every record whole, in order, whatever the sizes and the moments of reading', () => {
    const step = fc.oneof(
      fc.record({ write: fc.uint8Array({ maxLength: 400 }), at: fc.nat(9), stream: fc.constantFrom(1 as const, 2 as const), container: fc.nat(1000) }),
      fc.constant('read' as const),
      fc.constant('read without release' as const),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 100 }), fc.constantFrom(256, 1024), (steps, size) => {
      const { writer, reader } = ring(size);
      const written: unknown[] = [];
      const seen: unknown[] = [];
      for (const [time, act] of steps.entries()) {
        if (typeof act === 'object') {
          const fits = writer.fits(act.write.length);
          // Wherever it lies in the guest's memory.
          const source = new DataView(Uint8Array.of(...new Uint8Array(act.at), ...act.write, 255).buffer);
          assert.equal(writer.writeFrom(act.container, act.stream, BigInt(time) * 1_000_000n + 500_000n, source, act.at, act.write.length), fits);
          if (fits) written.push({ container: act.container, stream: act.stream, time: time + 0.5, bytes: act.write });
        } else {
          seen.push(...reader.read());
          if (act === 'read') reader.release();
        }
      }
      seen.push(...reader.read());
      assert.deepEqual(seen, written);
    }));
  });

  it('keeps the space of what was read until it is released', () => {
    const { writer, reader } = ring(64);
    assert.equal(writer.write(0, 1, 0n, new Uint8Array(48)), true);
    assert.equal(reader.read().length, 1);
    assert.equal(writer.write(0, 1, 0n, new Uint8Array(1)), false);
    reader.release();
    assert.equal(writer.write(0, 1, 0n, new Uint8Array(48)), true);
  });

  it('rings once until the reader has looked', () => {
    const { writer, reader, bells } = ring(1024);
    writer.write(0, 1, 0n, new Uint8Array(1));
    writer.write(0, 1, 0n, new Uint8Array(1));
    assert.equal(bells(), 1);
    reader.read();
    writer.write(0, 1, 0n, new Uint8Array(1));
    assert.equal(bells(), 2);
  });

  it('goes on when its positions pass 2^32', () => {
    const { memory } = ring(256);
    new Int32Array(memory).fill(-64, 0, 2);
    const writer = new OutputRingWriter(memory, () => {});
    const reader = new OutputRingReader(memory);
    for (let n = 0; n < 10; n++) {
      assert.equal(writer.write(0, 2, BigInt(n), Uint8Array.of(n)), true);
      assert.deepEqual(reader.read().map(({ bytes }) => bytes[0]), [n]);
      reader.release();
    }
  });

  it('refuses a record that could never fit', () => {
    const { writer } = ring(2 * outputRecordBytes);
    assert.throws(() => writer.write(0, 1, 0n, new Uint8Array(outputRecordBytes + 1)), RangeError);
    assert.equal(writer.write(0, 1, 0n, new Uint8Array(outputRecordBytes)), true);
    assert.throws(() => new OutputRingReader(new SharedArrayBuffer(ringHeaderBytes + recordHeaderBytes * 3)), RangeError);
  });

  it('loses nothing between two threads', async () => {
    const records = 20_000;
    const { memory, reader } = ring(4096);
    const worker = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
       import(workerData.module).then(({ OutputRingWriter }) => {
         const writer = new OutputRingWriter(workerData.memory, () => parentPort.postMessage('bell'));
         for (let n = 0; n < workerData.records; n++) {
           const bytes = new Uint8Array(1 + (n * 7) % 300).fill(n);
           while (!writer.write(0, 1 + n % 2, BigInt(n) * 1000000n, bytes)) Atomics.wait(new Int32Array(workerData.pause), 0, 0, 1);
         }
       });`,
      { eval: true, workerData: { module: new URL('../../../core/guest/rings/output-ring.ts', import.meta.url).href, memory, records, pause: new SharedArrayBuffer(4) } },
    );
    let next = 0;
    await new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('message', () => {
        for (const { stream, time, bytes } of reader.read()) {
          const whole = bytes.length === 1 + (next * 7) % 300 && bytes.every((byte) => byte === next % 256);
          if (time !== next || stream !== 1 + (next % 2) || !whole) reject(new Error(`record ${next} is not what was written`));
          next += 1;
        }
        reader.release();
        if (next === records) resolve();
      });
    }).finally(() => worker.terminate());
    assert.equal(next, records);
  });

  it('takes memory only as it is written to', () => {
    const before = process.memoryUsage.rss();
    const rings = Array.from({ length: 256 }, createOutputRing);
    const taken = process.memoryUsage.rss() - before;
    assert.ok(taken < rings.length * 16 * 1024, `${taken} bytes for ${rings.length} rings`);
  });
});
