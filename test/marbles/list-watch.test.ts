/** Virtual time: a frame of the TestScheduler is a millisecond of the clock. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NEVER, asyncScheduler, map, of, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { Clock } from '../../core/api/clock.ts';
import { ApiError } from '../../core/kube/api/api-error.ts';
import type { ApiList } from '../../core/kube/api/resources.ts';
import { listWatch } from '../../core/kube/watch/list-watch.ts';
import type { ListWatchSource } from '../../core/kube/watch/list-watch.ts';

interface Thing {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
}

const thing = (uid: string, resourceVersion: number): Thing => ({ metadata: { uid, resourceVersion: String(resourceVersion) } });
const list = (resourceVersion: number, ...items: Thing[]): ApiList<Thing> => ({ metadata: { resourceVersion: String(resourceVersion) }, items });
const line = (type: string, object: object): string => JSON.stringify({ type, object });
const gone = line('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });

/** A clock on the scheduler that is running (TestScheduler puts itself in place of the async one). */
const schedulerClock: Clock = {
  now: () => asyncScheduler.now(),
  monotonic: () => asyncScheduler.now(),
  after: (milliseconds, callback) => {
    const subscription = asyncScheduler.schedule(callback, milliseconds);
    return () => subscription.unsubscribe();
  },
  sleep: () => Promise.reject(new Error('list-watch does not sleep')),
};

interface Script {
  /** The answers to list and watch, in their order; the last one repeats. */
  readonly lists: readonly Observable<ApiList<Thing>>[];
  readonly watches: readonly Observable<string>[];
}

/** What comes out, as `frame type uid@version`, until `until` ms. */
function trace(script: (helpers: { cold: <T>(marbles: string, values?: Record<string, T>, error?: unknown) => Observable<T> }) => Script, until: number): { events: string[]; asked: string[]; failures: string[] } {
  const events: string[] = [];
  const asked: string[] = [];
  const failures: string[] = [];
  new TestScheduler(assert.deepEqual).run(({ cold }) => {
    const { lists, watches } = script({ cold: cold as never });
    let listed = 0;
    let watched = 0;
    const source: ListWatchSource<Thing> = {
      list: (page) => {
        asked.push(`${asyncScheduler.now()} list${page.continue === undefined ? '' : ` ${page.continue}`}`);
        return lists[Math.min(listed++, lists.length - 1)]!;
      },
      watch: ({ resourceVersion }) => {
        asked.push(`${asyncScheduler.now()} watch ${resourceVersion}`);
        return watches[Math.min(watched++, watches.length - 1)]!;
      },
    };
    const subscription = listWatch({
      source,
      clock: schedulerClock,
      random: () => 0,
      onFailure: (error, { malformed, retryIn }) => failures.push(`${asyncScheduler.now()} ${(error as Error).message} retry ${retryIn} malformed ${malformed}`),
    }).subscribe({
      next: (event) => events.push(`${asyncScheduler.now()} ${event.type}${event.type === 'SYNCED' ? '' : ` ${event.object.metadata.uid}@${event.object.metadata.resourceVersion}`}`),
      error: () => events.push('ERRORED'),
      complete: () => events.push('COMPLETED'),
    });
    asyncScheduler.schedule(() => subscription.unsubscribe(), until);
  });
  return { events, asked, failures };
}

describe('listWatch', () => {
  it('lists, says SYNCED, then follows the watch from the list', () => {
    const { events, asked } = trace(
      ({ cold }) => ({
        lists: [of(list(10, thing('a', 5)))],
        watches: [cold('-x-y-z', { x: line('ADDED', thing('b', 11)), y: line('MODIFIED', thing('a', 12)), z: line('DELETED', thing('a', 13)) })],
      }),
      100,
    );
    assert.deepEqual(events, ['0 ADDED a@5', '0 SYNCED', '1 ADDED b@11', '3 MODIFIED a@12', '5 REMOVED a@13']);
    assert.deepEqual(asked, ['0 list', '0 watch 10']);
  });

  it('reads a list page by page', () => {
    const { events, asked } = trace(
      () => ({
        lists: [of({ metadata: { resourceVersion: '10', continue: 'next' }, items: [thing('a', 1)] }), of(list(10, thing('b', 2)))],
        watches: [NEVER],
      }),
      10,
    );
    assert.deepEqual(events, ['0 ADDED a@1', '0 ADDED b@2', '0 SYNCED']);
    assert.deepEqual(asked, ['0 list', '0 list next', '0 watch 10']);
  });

  it('goes on from the last bookmark when a watch has ended', () => {
    const { asked, events } = trace(
      ({ cold }) => ({
        lists: [of(list(10))],
        watches: [cold('2s b 1s |', { b: line('BOOKMARK', thing('', 40)) }), NEVER],
      }),
      5_000,
    );
    assert.deepEqual(events, ['0 SYNCED']);
    assert.deepEqual(asked.map((call) => call.replace(/^\d+ /, '')), ['list', 'watch 10', 'watch 40']);
  });

  it('relists on 410; what vanished meanwhile is REMOVED before what came, and what stayed is not repeated', () => {
    const { events, asked } = trace(
      ({ cold }) => ({
        lists: [of(list(10, thing('a', 1), thing('b', 2), thing('c', 3))), of(list(20, thing('b', 2), thing('c', 15), thing('d', 16)))],
        watches: [cold('5ms g', { g: gone }), NEVER],
      }),
      100,
    );
    assert.deepEqual(events.slice(4), ['5 REMOVED a@1', '5 MODIFIED c@15', '5 ADDED d@16', '5 SYNCED']);
    assert.deepEqual(asked, ['0 list', '0 watch 10', '5 list', '5 watch 20']);
  });

  it('an object made anew under its old name is another one', () => {
    const { events } = trace(({ cold }) => ({ lists: [of(list(10, thing('old', 1))), of(list(20, thing('new', 11)))], watches: [cold('5ms g', { g: gone }), NEVER] }), 100);
    assert.deepEqual(events.slice(2), ['5 REMOVED old@1', '5 ADDED new@11', '5 SYNCED']);
  });

  it('waits longer after each failure, and from the start again once something came', () => {
    const refused = throwError(() => new Error('ECONNREFUSED'));
    const { failures, events } = trace(
      ({ cold }) => ({
        lists: [refused, refused, refused, of(list(10))],
        watches: [cold('1ms x #', { x: line('ADDED', thing('a', 11)) }, new Error('socket hang up')), NEVER],
      }),
      20_000,
    );
    assert.deepEqual(failures.map((failure) => failure.replace(/^\d+ /, '')), [
      'ECONNREFUSED retry 400 malformed 0',
      'ECONNREFUSED retry 800 malformed 0',
      'ECONNREFUSED retry 1600 malformed 0',
      'socket hang up retry 400 malformed 0',
    ]);
    assert.deepEqual(events.map((event) => event.replace(/^\d+ /, '')), ['SYNCED', 'ADDED a@11']);
  });

  it('never asks in a tight loop, even when every watch is told 410 at once', () => {
    const { asked, events } = trace(() => ({ lists: [of(list(10))], watches: [of(gone)] }), 120_000);
    assert.ok(asked.length < 30, `${asked.length} requests in two minutes`);
    assert.ok(!events.includes('ERRORED') && !events.includes('COMPLETED'));
  });

  it('a watch that ends at once counts as a failure', () => {
    const { failures } = trace(({ cold }) => ({ lists: [of(list(10))], watches: [cold('|')] }), 3_000);
    assert.match(failures[0]!, /ended at once retry 400/);
  });

  it('counts lines that are no event, and relists', () => {
    const { failures, asked, events } = trace(
      ({ cold }) => ({
        lists: [of(list(10)), of(list(20, thing('a', 15)))],
        watches: [cold('1ms x', { x: '{"type":"ADDED","obj' }), NEVER],
      }),
      5_000,
    );
    assert.match(failures[0]!, /not JSON retry 400 malformed 1/);
    assert.deepEqual(asked.map((call) => call.replace(/^\d+ /, '')), ['list', 'watch 10', 'list', 'watch 20']);
    assert.ok(events.at(-2)!.endsWith('ADDED a@15'));
  });

  it('gives up a watch that fell silent, and goes on from where it was', () => {
    const { failures, asked } = trace(({ cold }) => ({ lists: [of(list(10))], watches: [cold('1s b', { b: line('BOOKMARK', thing('', 30)) }), NEVER] }), 200_000);
    assert.match(failures[0]!, /^151000 nothing heard for 150 s/);
    assert.deepEqual(asked.map((call) => call.replace(/^\d+ /, '')), ['list', 'watch 10', 'watch 30']);
  });

  it('asks for watches of five to ten minutes', () => {
    const seconds: number[] = [];
    for (const random of [0, 0.999]) {
      new TestScheduler(assert.deepEqual).run(() => {
        const source: ListWatchSource<Thing> = {
          list: () => of(list(1)),
          watch: ({ timeoutSeconds }) => {
            seconds.push(timeoutSeconds);
            return NEVER;
          },
        };
        const subscription = listWatch({ source, clock: schedulerClock, random: () => random }).subscribe();
        asyncScheduler.schedule(() => subscription.unsubscribe(), 10);
      });
    }
    assert.deepEqual(seconds, [300, 600]);
  });

  it('keeps only what the projection leaves', () => {
    const kept: unknown[] = [];
    new TestScheduler(assert.deepEqual).run(() => {
      const source: ListWatchSource<Thing & { big?: string }> = { list: () => of({ metadata: { resourceVersion: '1' }, items: [{ ...thing('a', 1), big: 'x' }] }), watch: () => NEVER };
      const subscription = listWatch({ source, clock: schedulerClock, random: () => 0, project: ({ metadata }) => ({ metadata }) })
        .pipe(map((event) => (event.type === 'SYNCED' ? event.type : event.object)))
        .subscribe((event) => kept.push(event));
      asyncScheduler.schedule(() => subscription.unsubscribe(), 10);
    });
    assert.deepEqual(kept, [thing('a', 1), 'SYNCED']);
  });

  it('errors of the server come with their reason', () => {
    const { failures } = trace(() => ({ lists: [throwError(() => new ApiError(403, { reason: 'Forbidden', message: 'no' }, 'GET /x'))], watches: [NEVER] }), 300);
    assert.match(failures[0]!, /GET \/x: no/);
  });
});
