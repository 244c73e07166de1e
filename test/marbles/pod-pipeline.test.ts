import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Subject, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { EngineEvent } from '../../core/api/engine.ts';
import type { PodEvent, PodSynced, SyncOutcome } from '../../core/kubelet/kubelet.ts';
import { podEvents } from '../../core/pipeline/pod-events.ts';
import { podPipeline } from '../../core/pipeline/pod-pipeline.ts';
import { VirtualClock } from '../support/kubelet/virtual-clock.ts';

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

function bench(outcome: (uid: string) => SyncOutcome | Promise<SyncOutcome>) {
  const clock = new VirtualClock();
  const events$ = new Subject<PodEvent>();
  const syncs: string[] = [];
  const synced: PodSynced[] = [];
  const errors: unknown[] = [];
  const begin = clock.now();
  const subscription = podPipeline(events$, {
    clock,
    syncer: {
      sync: async (uid) => {
        syncs.push(`${(clock.now() - begin) / 1000}s ${uid}`);
        return outcome(uid);
      },
    },
  }).subscribe({ next: (value) => synced.push(value), error: (error: unknown) => errors.push(error) });
  return { clock, events$, syncs, synced, errors, subscription };
}

describe('the pipeline', () => {
  test('syncs each pod by itself', async () => {
    const { events$, syncs } = bench(() => ({ kind: 'finished' }));
    events$.next({ uid: 'a', cause: 'desired' });
    events$.next({ uid: 'b', cause: 'engine' });
    await settle();
    assert.deepEqual(syncs, ['0s a', '0s b']);
  });

  test('looks again when the outcome says, and an event in between takes the timer’s place', async () => {
    const { clock, events$, syncs } = bench(() => ({ kind: 'ok', againAfterMilliseconds: 10_000 }));
    events$.next({ uid: 'a', cause: 'desired' });
    await clock.advance(4000, settle);
    events$.next({ uid: 'a', cause: 'engine' });
    await clock.advance(20_000, settle);
    assert.deepEqual(syncs, ['0s a', '4s a', '14s a', '24s a']);
  });

  test('one slow pod does not hold the others', async () => {
    const { events$, synced } = bench((uid) => (uid === 'slow' ? new Promise(() => {}) : { kind: 'finished' }));
    events$.next({ uid: 'slow', cause: 'desired' });
    events$.next({ uid: 'quick', cause: 'desired' });
    await settle();
    assert.deepEqual(synced.map(({ uid }) => uid), ['quick']);
  });

  test('forgets a finished pod and takes it up again', async () => {
    const { events$, syncs } = bench(() => ({ kind: 'finished' }));
    events$.next({ uid: 'a', cause: 'terminate' });
    await settle();
    events$.next({ uid: 'a', cause: 'desired' });
    await settle();
    assert.deepEqual(syncs, ['0s a', '0s a']);
    assert.equal(events$.observers.length, 1);
  });

  test('never syncs a pod twice at once, whatever arrives when', async () => {
    let running = 0;
    let most = 0;
    const { events$ } = bench(async () => {
      running += 1;
      most = Math.max(most, running);
      await settle();
      running -= 1;
      return { kind: 'finished' };
    });
    for (let round = 0; round < 20; round += 1) {
      events$.next({ uid: 'a', cause: round % 3 === 0 ? 'terminate' : 'desired' });
      if (round % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await settle();
    assert.equal(most, 1);
  });

  test('a sync that breaks its promise and throws is an error of the spine', async () => {
    const { events$, errors } = bench(() => {
      throw new Error('bug');
    });
    events$.next({ uid: 'a', cause: 'desired' });
    await settle();
    assert.equal((errors[0] as Error).message, 'bug');
  });

  test('stops its timers when it is closed', async () => {
    const { clock, events$, syncs, subscription } = bench(() => ({ kind: 'ok', againAfterMilliseconds: 1000 }));
    events$.next({ uid: 'a', cause: 'desired' });
    await settle();
    subscription.unsubscribe();
    await clock.advance(5000, settle);
    assert.deepEqual(syncs, ['0s a']);
  });
});

describe('pod events', () => {
  const never: AsyncIterable<EngineEvent> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };

  test('merge every reason to look at a pod', () => {
    new TestScheduler((actual, expected) => assert.deepEqual(actual, expected)).run(({ cold, expectObservable }) => {
      const desired$: Observable<PodEvent> = cold('a--b', { a: { uid: 'x', cause: 'desired' }, b: { uid: 'x', cause: 'terminate' } });
      const jobs$: Observable<PodEvent> = cold('-c', { c: { uid: 'y', cause: 'job' } });
      const objectChanges$ = cold('--d', { d: 'z' });
      expectObservable(podEvents({ desired$, jobs$, engine: never, objectChanges$ })).toBe('acdb', {
        a: { uid: 'x', cause: 'desired' }, c: { uid: 'y', cause: 'job' }, d: { uid: 'z', cause: 'objects' }, b: { uid: 'x', cause: 'terminate' },
      });
    });
  });

  test('reduce an engine event to its pod', async () => {
    const seen: PodEvent[] = [];
    async function* engine(): AsyncGenerator<EngineEvent> {
      yield { type: 'container-exited', podUid: 'x', containerId: 'c' };
    }
    const none$ = new Subject<never>();
    podEvents({ desired$: none$, jobs$: none$, engine: engine(), objectChanges$: none$ }).subscribe((event) => seen.push(event));
    await settle();
    assert.deepEqual(seen, [{ uid: 'x', cause: 'engine' }]);
  });
});
