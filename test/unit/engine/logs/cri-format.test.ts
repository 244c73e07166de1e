import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CriFormatter, rfc3339Nano } from '../../../../core/engine/logs/cri-format.ts';

const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const stamp = '2026-01-02T03:04:05.678000000Z';

function record(text: string | Uint8Array, stream: 1 | 2 = 1) {
  return { container: 0, stream, time, bytes: typeof text === 'string' ? Buffer.from(text) : text };
}

function formatted(...texts: string[]): { lines: string; rest: string } {
  const formatter = new CriFormatter();
  return { lines: formatter.format(texts.map((text) => record(text))).toString(), rest: formatter.flush().toString() };
}

describe('the CRI log format', () => {
  it('writes a line per line', () => {
    assert.equal(formatted('one\ntwo\n\n').lines, `${stamp} stdout F one\n${stamp} stdout F two\n${stamp} stdout F \n`);
  });

  it('joins the pieces of a line', () => {
    assert.deepEqual(formatted('a', 'b', 'c\nd'), { lines: `${stamp} stdout F abc\n`, rest: `${stamp} stdout P d\n` });
  });

  it('keeps the streams apart', () => {
    const formatter = new CriFormatter();
    assert.equal(formatter.format([record('out'), record('err\n', 2), record('put\n')]).toString(), `${stamp} stderr F err\n${stamp} stdout F output\n`);
  });

  it('splits lines over 16 KiB, and not one of exactly that', () => {
    const full = 'x'.repeat(16 * 1024);
    assert.equal(formatted(`${full}\n`).lines, `${stamp} stdout F ${full}\n`);
    assert.equal(formatted(`${full}y\n`).lines, `${stamp} stdout P ${full}\n${stamp} stdout F y\n`);
    assert.equal(formatted(full).rest, `${stamp} stdout P ${full}\n`);
  });

  it('gives every byte back to a reader', () => {
    const text = fc.uint8Array({ maxLength: 40_000 }).map((bytes) => bytes.map((byte) => (byte % 50 === 0 ? 0x0a : byte)));
    fc.assert(fc.property(fc.array(text, { maxLength: 5 }), (texts) => {
      const formatter = new CriFormatter();
      const log = Buffer.concat([...texts.map((bytes) => formatter.format([record(bytes)])), formatter.flush()]);
      const head = `${stamp} stdout F `.length;
      const read: Buffer[] = [];
      for (let from = 0; from < log.length; ) {
        const end = log.indexOf(0x0a, from);
        const full = log[from + head - 2] === 'F'.charCodeAt(0);
        read.push(log.subarray(from + head, full ? end + 1 : end));
        from = end + 1;
      }
      assert.deepEqual(Buffer.concat(read), Buffer.concat(texts));
    }), { numRuns: 50 });
  });
});

describe('a log time', () => {
  it('has nine digits', () => {
    assert.equal(rfc3339Nano(time), stamp);
    assert.equal(rfc3339Nano(time + 0.25), '2026-01-02T03:04:05.678250000Z');
    assert.equal(rfc3339Nano(time - 0.25), '2026-01-02T03:04:05.677750000Z');
  });
});
