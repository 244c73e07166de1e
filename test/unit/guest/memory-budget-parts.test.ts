import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryBudget } from '../../../core/guest/memory/memory-budget.ts';

test('parts share the limit of the whole, and give back what they counted when they end', () => {
  const whole = new MemoryBudget(1000);
  const [first, second] = [whole.part(), whole.part()];
  assert.ok(first.hold(600));
  assert.equal(whole.bytes, 600);
  assert.ok(!second.hold(600), 'together they are over the limit');
  assert.deepEqual([first.exhausted, second.exhausted], [false, true]);
  second.end();
  first.end();
  assert.equal(whole.bytes, 0);
  assert.ok(whole.part().hold(1000));
});
