import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { downwardField, formatMap } from '../../../core/volume/downward-field.ts';

const pod = { metadata: { namespace: 'ns', name: 'p', uid: 'u', labels: { b: '2', 'a.io/x': '1' }, annotations: {} }, spec: { containers: [] } };

describe('downwardField', () => {
  it('reads fields, maps and their keys', () => {
    const cases = { 'metadata.name': 'p', 'metadata.namespace': 'ns', 'metadata.uid': 'u', 'metadata.labels': 'a.io/x="1"\nb="2"', 'metadata.annotations': '', "metadata.labels['a.io/x']": '1', "metadata.labels['toString']": '', "metadata.annotations['none']": '' };
    for (const [field, expected] of Object.entries(cases)) assert.equal(downwardField(pod, field), expected, field);
  });
  it('refuses the others', () => {
    for (const field of ['', 'spec.nodeName', 'status.podIP', 'metadata.labels[x]', "metadata.name['x']"]) assert.throws(() => downwardField(pod, field), { code: 'VOLUME_SOURCE_INVALID', message: `unsupported fieldPath: ${field}` });
  });
});

describe('formatMap', () => {
  it('quotes as Go does', () => {
    assert.equal(formatMap({ k: 'a"b\\c\n\t\x07\x00\x7fé☺\u200b\u{1F600}\u{E0001}' }), 'k="a\\"b\\\\c\\n\\t\\a\\x00\\x7fé☺\\u200b😀\\U000e0001"');
  });
  it('gives one line for each key, in order', () => {
    fc.assert(fc.property(fc.dictionary(fc.string({ minLength: 1 }).filter((key) => !/[\n=]/.test(key)), fc.string({ unit: 'binary' })), (map) => {
      const lines = formatMap(map).split('\n').filter((line) => line !== '');
      assert.equal(lines.length, Object.keys(map).length);
      const keys = lines.map((line) => line.slice(0, line.indexOf('="')));
      assert.deepEqual(keys, keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }));
  });
});
