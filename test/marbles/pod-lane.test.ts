import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { messageOf } from '../../core/api/errors.ts';
import type { SyncOutcome } from '../../core/kubelet/kubelet.ts';
import { PodLane } from '../../core/pipeline/pod-lane.ts';

/** A lane over promises by hand: which syncs began, which were aborted, and what was told. */
function bench() {
  const log: string[] = [];
  const running: PromiseWithResolvers<SyncOutcome>[] = [];
  const lane = new PodLane('a', {
    syncer: {
      sync(uid, signal) {
        log.push(`begin ${uid}`);
        signal.addEventListener('abort', () => log.push('abort'));
        running.push(Promise.withResolvers());
        return running.at(-1)!.promise;
      },
    },
    begun() {},
    synced: ({ uid }, { kind }) => log.push(`out ${uid} ${kind}`),
    failed: (error) => log.push(`error ${messageOf(error)}`),
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    log,
    lane,
    finish: () => {
      running.at(-1)!.resolve({ kind: 'ok' });
      return settle();
    },
    fail: () => {
      running.at(-1)!.reject(new Error('bug'));
      return settle();
    },
  };
}

describe('a pod’s lane', () => {
  test('runs one sync at a time, and one for all that came meanwhile', async () => {
    const { log, lane, finish } = bench();
    for (const cause of ['desired', 'engine', 'job', 'status'] as const) lane.take(cause);
    await finish();
    assert.deepEqual(log, ['begin a', 'begin a']);
    await finish();
    assert.deepEqual(log, ['begin a', 'begin a', 'out a ok']);
  });

  test('aborts for a reason to terminate, and waits for the return before it goes on', async () => {
    const { log, lane, finish } = bench();
    lane.take('desired');
    lane.take('terminate');
    assert.deepEqual(log, ['begin a', 'abort']);
    await finish();
    assert.deepEqual(log, ['begin a', 'abort', 'begin a']);
    await finish();
    assert.equal(log.at(-1), 'out a ok');
  });

  test('tells nothing that is out of date', async () => {
    const { log, lane, finish } = bench();
    lane.take('desired');
    lane.take('engine');
    await finish();
    assert.ok(!log.includes('out a ok'));
  });

  test('tells of a rejection', async () => {
    const { log, lane, fail } = bench();
    lane.take('desired');
    await fail();
    assert.deepEqual(log, ['begin a', 'error bug']);
  });

  test('aborts and is silent once it is closed', async () => {
    const { log, lane, finish } = bench();
    lane.take('desired');
    lane.take('engine');
    lane.close();
    await finish();
    assert.deepEqual(log, ['begin a', 'abort']);
  });
});
