import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseWatchLine } from '../../../core/kube/watch/watch-line.ts';

describe('parseWatchLine', () => {
  it('never throws, and lets through only objects that a watch can go on from', () => {
    const object = fc.record({ metadata: fc.record({ resourceVersion: fc.oneof(fc.string(), fc.integer()) }, { requiredKeys: [] }) }, { requiredKeys: [] });
    const shaped = fc.record({ type: fc.constantFrom('ADDED', 'BOOKMARK', 'ERROR', 'LATER', 1), object: fc.oneof(object, fc.jsonValue()) }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.jsonValue().map((value) => JSON.stringify(value)), shaped.map((value) => JSON.stringify(value))), (line) => {
        const event = parseWatchLine(line);
        if (event.type !== 'MALFORMED' && event.type !== 'ERROR') assert.equal(typeof event.object.metadata?.resourceVersion, 'string');
      }),
      { numRuns: 1000 },
    );
  });

  it('an ERROR carries its Status', () => {
    const event = parseWatchLine('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}');
    assert.deepEqual(event.type === 'ERROR' && [event.error.code, event.error.reason], [410, 'Expired']);
  });
});
