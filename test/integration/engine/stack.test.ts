import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EngineBed } from '../../support/engine-bed.ts';

/** Calls itself 200,000 times; a frame takes 50 bytes at least. */
const recursive = `(module (memory (export "memory") 1)
  (func $down (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))))
  (func (export "_start") (drop (call $down (i32.const 200000)))))`;

describe('stacks', () => {
  let bed: EngineBed;
  before(async () => {
    bed = await EngineBed.create();
  });
  after(() => bed.close());

  test('a guest that needs more than a small one ends with that as its reason', async () => {
    const { exit, stack } = await bed.run(await bed.module(recursive));
    assert.equal(stack, undefined);
    assert.deepEqual([exit?.code, exit?.reason, exit?.stackExhausted], [134, 'Error', true]);
    assert.match(exit?.message ?? '', /^call stack exhausted/);
  });

  test('a deep one is enough for it', async () => {
    const { exit, stack } = await bed.run(await bed.module(recursive), { stack: 'deep' });
    assert.equal(stack, 'deep');
    assert.deepEqual(exit, { code: 0, reason: 'Completed' });
  });
});
