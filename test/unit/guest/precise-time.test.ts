import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { preciseNanoseconds } from '../../../core/guest/time/precise-time.ts';

test('the time of day is the system\'s, finer than its milliseconds, and follows its steps', () => {
  let monotonic = process.hrtime.bigint();
  const read = mock.method(process.hrtime, 'bigint', () => monotonic);
  const day = mock.method(Date, 'now', () => 1_700_000_000_000);
  const told = (): bigint => preciseNanoseconds() - 1_700_000_000_000_000_000n;
  // Whatever was known before: the next look is at most 10 ms away.
  monotonic += 20_000_000n;
  assert.equal(told(), 0n);
  monotonic += 123_456n;
  assert.equal(told(), 123_456n);
  day.mock.mockImplementation(() => 1_700_000_500_000);
  monotonic += 10_000_000n;
  assert.equal(told(), 500_000_000_000n);
  day.mock.mockImplementation(() => 1_700_000_500_011);
  monotonic += 11_900_000n;
  assert.equal(told(), 500_011_900_000n, 'a difference that rounding makes is no step');
  read.mock.restore();
  day.mock.restore();
});
