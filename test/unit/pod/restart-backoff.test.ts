import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goDuration } from '../../../core/pod/go-duration.ts';
import { backoffUntil, raiseBackoff, type BackoffEntry } from '../../../core/pod/actions/restart-backoff.ts';
import { pullPolicy } from '../../../core/pod/actions/pull-policy.ts';

test('the delay begins with 10 s, doubles, and stops at 300 s', () => {
  let entry: BackoffEntry | undefined;
  const delays = Array.from({ length: 8 }, (_, index) => {
    entry = raiseBackoff(entry, index * 1000, index * 1000);
    return entry.delayMilliseconds / 1000;
  });
  assert.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300, 300]);
});

test('without an entry the next try is at once', () => assert.equal(backoffUntil(undefined, 5), undefined));

test('the wait counts from the end', () => assert.equal(backoffUntil({ delayMilliseconds: 20_000, raisedAt: 0 }, 7000), 27_000));

test('an end more than 600 s after the last increase forgets the back-off', () => {
  const entry = { delayMilliseconds: 300_000, raisedAt: 0 };
  assert.equal(backoffUntil(entry, 600_000), 900_000);
  assert.equal(backoffUntil(entry, 600_001), undefined);
  assert.equal(raiseBackoff(entry, 600_001, 600_001).delayMilliseconds, 10_000);
});

test('a lower cap holds from the first delay on', () => {
  const policy = { initialMilliseconds: 10_000, maximumMilliseconds: 5000 };
  assert.equal(raiseBackoff(undefined, 0, 0, policy).delayMilliseconds, 5000);
});

test('durations are printed as Go prints them', () => {
  const texts = [0, 567, 1000, 1234, 10_000, 160_000, 300_000, 3_723_500].map(goDuration);
  assert.deepEqual(texts, ['0s', '567ms', '1s', '1.234s', '10s', '2m40s', '5m0s', '1h2m3.5s']);
});

test('a pull policy that is not given follows the tag', () => {
  const policies = ['hello', 'hello:latest', 'hello:v1', 'host:5000/hello', 'host:5000/hello:v1', 'hello@sha256:0'].map((image) => pullPolicy({ name: 'c', image }));
  assert.deepEqual(policies, ['Always', 'Always', 'IfNotPresent', 'Always', 'IfNotPresent', 'IfNotPresent']);
});
