import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { WasmletError } from '../../../core/api/errors.ts';
import { parseMilliQuantity, parseQuantity } from '../../../core/pod/quantity.ts';
import { qosClass } from '../../../core/pod/qos-class.ts';
import { testPod } from './support.ts';

describe('a quantity', () => {
  const table: readonly (readonly [string, bigint])[] = [
    ['0', 0n], ['1', 1n], ['100m', 1n], ['1500m', 2n], ['1Ki', 1024n], ['64Mi', 67_108_864n], ['1.5Gi', 1_610_612_736n], ['1k', 1000n], ['2M', 2_000_000n],
    ['1e3', 1000n], ['1E3', 1000n], ['1E', 10n ** 18n], ['.5', 1n], ['5.', 5n], ['-1', -1n], ['+2', 2n], ['1n', 1n],
  ];
  for (const [text, value] of table) test(`${text} is ${value}`, () => assert.equal(parseQuantity(text), value));

  test('in thousandths keeps millicores', () => assert.equal(parseMilliQuantity('250m'), 250n));

  for (const text of ['', ' ', '1 Gi', '1KiB', '--1', '0x10', 'Infinity', '1e9999', '.', '1'.repeat(65)]) {
    test(`${JSON.stringify(text.slice(0, 12))} is none`, () => assert.throws(() => parseQuantity(text), (error) => error instanceof WasmletError && error.code === 'FIELD_INVALID'));
  }

  test('any text gives a number or FIELD_INVALID, soon', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[+-]?[0-9.]{1,30}([eE][+-]?[0-9]{1,4}|[KMGTPE]i?|m)?$/)), (text) => {
      try {
        assert.equal(typeof parseQuantity(text), 'bigint');
      } catch (error) {
        assert.ok(error instanceof WasmletError, String(error));
      }
    }));
  });

  test('a sum of whole units is the same in thousandths', () => {
    fc.assert(fc.property(fc.nat(), (number) => assert.equal(parseMilliQuantity(`${number}Mi`), parseQuantity(`${number}Mi`) * 1000n)));
  });
});

describe('the QoS class', () => {
  const of = (...resources: readonly object[]) => qosClass(testPod('p', { containers: resources.map((given, index) => ({ name: `c${index}`, image: 'i', resources: given })) }));
  test('is BestEffort without requests and limits', () => assert.equal(of({}), 'BestEffort'));
  test('is Guaranteed when limits equal requests for cpu and memory everywhere', () => assert.equal(of({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }), 'Guaranteed'));
  test('is Guaranteed when only limits are given', () => assert.equal(of({ limits: { cpu: '1', memory: '1Gi' } }), 'Guaranteed'));
  test('is Burstable when one container differs', () => assert.equal(of({ limits: { cpu: '1', memory: '1Gi' } }, {}), 'Burstable'));
  test('is Burstable with a request only', () => assert.equal(of({ requests: { cpu: '1m' } }), 'Burstable'));
});
