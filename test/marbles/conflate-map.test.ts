import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { messageOf } from '../../core/api/errors.ts';
import { conflateMap } from '../../core/pipeline/conflate-map.ts';

/** Runs conflateMap over promises by hand: which projections began, which were aborted, and what came out. */
function bench() {
  const log: string[] = [];
  const running = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  let push: (value: string) => void = () => {};
  let complete: () => void = () => {};
  const source$ = new Observable<string>((subscriber) => {
    push = (value) => subscriber.next(value);
    complete = () => subscriber.complete();
  });
  const subscription = source$
    .pipe(
      conflateMap({
        project: (value: string, signal) => {
          log.push(`begin ${value}`);
          signal.addEventListener('abort', () => log.push(`abort ${value}`));
          return new Promise<string>((resolve, reject) => running.set(value, { resolve: () => resolve(value), reject }));
        },
        interrupts: (value) => value.startsWith('!'),
      }),
    )
    .subscribe({ next: (value) => log.push(`out ${value}`), error: (error: unknown) => log.push(`error ${messageOf(error)}`), complete: () => log.push('complete') });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    log,
    subscription,
    push: (value: string) => push(value),
    complete: () => complete(),
    finish: (value: string) => {
      running.get(value)?.resolve();
      return settle();
    },
    fail: (value: string) => {
      running.get(value)?.reject(new Error(value));
      return settle();
    },
  };
}

describe('conflateMap', () => {
  test('runs one at a time and keeps only the newest of what waits', async () => {
    const { log, push, finish } = bench();
    for (const value of ['a', 'b', 'c', 'd']) push(value);
    await finish('a');
    assert.deepEqual(log, ['begin a', 'begin d']);
    await finish('d');
    assert.deepEqual(log, ['begin a', 'begin d', 'out d']);
  });

  test('aborts for a value that interrupts, and waits for the return before it goes on', async () => {
    const { log, push, finish } = bench();
    push('a');
    push('!end');
    assert.deepEqual(log, ['begin a', 'abort a']);
    await finish('a');
    assert.deepEqual(log, ['begin a', 'abort a', 'begin !end']);
    await finish('!end');
    assert.equal(log.at(-1), 'out !end');
  });

  test('emits nothing that is out of date', async () => {
    const { log, push, finish } = bench();
    push('a');
    push('b');
    await finish('a');
    assert.ok(!log.includes('out a'));
  });

  test('completes after the last projection, the waiting one included', async () => {
    const { log, push, complete, finish } = bench();
    push('a');
    push('b');
    complete();
    await finish('a');
    await finish('b');
    assert.deepEqual(log, ['begin a', 'begin b', 'out b', 'complete']);
  });

  test('a rejection is an error of the stream', async () => {
    const { log, push, fail } = bench();
    push('a');
    await fail('a');
    assert.deepEqual(log, ['begin a', 'error a']);
  });

  test('unsubscribing aborts and is silent', async () => {
    const { log, push, subscription, finish } = bench();
    push('a');
    push('b');
    subscription.unsubscribe();
    await finish('a');
    assert.deepEqual(log, ['begin a', 'abort a']);
  });

  test('an error of the source goes through', () => {
    new TestScheduler((actual, expected) => assert.deepEqual(actual, expected)).run(({ cold, expectObservable }) => {
      const never = conflateMap<string, string>({ project: () => new Promise(() => {}), interrupts: () => false });
      expectObservable(cold('a--#').pipe(never)).toBe('---#');
      expectObservable(cold('---|').pipe(never)).toBe('---|');
    });
  });
});
