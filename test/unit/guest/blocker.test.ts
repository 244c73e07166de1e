import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DedicatedBlocker } from '../../../core/guest/dedicated/blocker.ts';
import type { GuestClock } from '../../../core/guest/host.ts';

/** A clock whose time passes by looking at it. */
function steppingClock(step: bigint): GuestClock {
  let now = 0n;
  return { realtime: () => 0n, monotonic: () => (now += step), cpu: () => 0n, resolution: 1n };
}

function wakeWord(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** Counts the word up from another thread until told to stop. */
async function waker(words: Int32Array): Promise<Worker> {
  const worker = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     parentPort.postMessage('up');
     setInterval(() => { Atomics.add(workerData, 0, 1); Atomics.notify(workerData, 0); }, 1);`,
    { eval: true, workerData: words },
  );
  await new Promise((resolve) => worker.once('message', resolve));
  return worker;
}

const options = (words: Int32Array, clock = steppingClock(0n)) => ({ wake: { words, index: 0 }, clock, onEnter: () => {} });

describe('the blocker of a dedicated thread', () => {
  it('waits in place until what it waits for is ready, asking after each wake-up', async () => {
    const words = wakeWord();
    const blocker = new DedicatedBlocker(options(words));
    const worker = await waker(words);
    let asked = 0;
    blocker.waitNow({ ready: () => ++asked === 5 });
    assert.equal(asked, 5);
    await worker.terminate();
  });

  it('ends a wait at its deadline', () => {
    const blocker = new DedicatedBlocker(options(wakeWord(), steppingClock(400_000n)));
    blocker.waitNow({ deadline: 1_000_000n });
  });

  it('notes the first wait that lasts, once, and goes on waiting', () => {
    let idle = 0;
    const blocker = new DedicatedBlocker({ ...options(wakeWord(), steppingClock(400_000n)), whenIdle: { afterMilliseconds: 0.1, run: () => (idle += 1) } });
    blocker.waitNow({ deadline: 10_000_000n });
    blocker.waitNow({ deadline: 20_000_000n });
    assert.equal(idle, 1);
  });

  it('turns a blocked syscall into a call that answers', () => {
    const blocker = new DedicatedBlocker(options(wakeWord()));
    let ready = false;
    const call = blocker.wrap((errno: number) => ({
      wait: { ready: () => true },
      resume: () => (ready ? errno : ((ready = true), { wait: { ready: () => true }, resume: () => errno + 1 })),
    })) as (errno: number) => number;
    assert.equal(call(5), 6);
    assert.equal(call(5), 5);
  });

  it('ends a wait of a guest that is to be unwound, and throws why', () => {
    const reason = new Error('stopped');
    let looks = 0;
    const blocker = new DedicatedBlocker({ ...options(wakeWord(), steppingClock(1_000n)), stopped: () => (++looks === 2 ? reason : undefined) });
    blocker.waitNow({ deadline: 0n });
    assert.throws(() => blocker.waitNow({ deadline: 10_000_000n }), reason);
  });

  it('says when the guest is entered', () => {
    const calls: string[] = [];
    const blocker = new DedicatedBlocker({ ...options(wakeWord()), onEnter: () => calls.push('enter') });
    blocker.enter(() => calls.push('guest'))();
    assert.deepEqual(calls, ['enter', 'guest']);
  });
});
