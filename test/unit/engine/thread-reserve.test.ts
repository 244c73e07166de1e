/** When the reserve makes a thread, and when a container had better wait for one that comes back. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { type SpareThread, ThreadReserve } from '../../../core/engine/threads/dedicated/thread-reserve.ts';
import type { Preload } from '../../../core/guest/protocol.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

const wasi = { runtimeUrl: 'wasi', rehearsed: true };
const other = { runtimeUrl: 'other', rehearsed: true };

describe('the thread reserve', () => {
  let clock: VirtualClock;
  let made: SpareThread[];
  let rehearsed: (boolean | undefined)[];
  let reserve: ThreadReserve<SpareThread>;

  beforeEach(async () => {
    clock = new VirtualClock();
    made = [];
    rehearsed = [];
    reserve = reserveOf(2);
    reserve.warmUp(wasi);
    await pass(0);
  });

  function reserveOf(warmThreads: number): ThreadReserve<SpareThread> {
    const start = async (preload: Preload | undefined): Promise<SpareThread> => {
      rehearsed.push(preload?.rehearsed);
      return newThread();
    };
    return new ThreadReserve({ start, maxThreads: 100, warmThreads, clock, logger: silentLogger });
  }

  function newThread(): SpareThread {
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    const thread = { alive: true, servedRuntime: undefined, gone, terminate: () => (resolve(), gone) };
    made.push(thread);
    return thread;
  }

  async function pass(milliseconds: number): Promise<void> {
    await clock.advance(milliseconds, () => new Promise((resolve) => void setImmediate(resolve)));
  }

  const never = new AbortController().signal;

  /** `count` containers come at once, of which each keeps its thread for so long. Resolves when the last has given it back. */
  async function burst(count: number, keptMilliseconds: number): Promise<void> {
    let left = count;
    for (let index = 0; index < count; index += 1) {
      void reserve.take(wasi, never).then((thread) => {
        thread.servedRuntime = 'wasi';
        clock.after(keptMilliseconds, () => {
          left -= 1;
          reserve.giveBack(thread);
        });
      });
    }
    while (left > 0) await pass(1);
  }

  function take(count: number): Promise<SpareThread[]> {
    return Promise.all(Array.from({ length: count }, () => reserve.take(wasi, never)));
  }

  it('gives a burst of short containers the threads that come back, and is not refilled meanwhile', async () => {
    await burst(10, 5);
    const before = made.length;
    await burst(500, 5);
    assert.equal(made.length, before);
  });

  it('does not take a main loop that was held for threads that do not come back', async () => {
    const before = made.length;
    const threads = await take(2);
    reserve.giveBack(threads[0]!);
    void take(20);
    await pass(25);
    // A look is late, and what came back meanwhile is heard of after it.
    await pass(25);
    reserve.giveBack(threads[1]!);
    await pass(25);
    assert.equal(made.length, before);
  });

  it('makes threads for containers that keep theirs', async () => {
    await burst(10, 5);
    const taken = take(50);
    await pass(1000);
    assert.equal((await taken).length, 50);
  });

  it('makes threads while those that come back were long in use', async () => {
    const before = made.length;
    await burst(40, 1000);
    assert.ok(made.length > before + 20, `${made.length} threads`);
  });

  it('makes one for a container of another runtime, however many come back from this one', async () => {
    await burst(10, 5);
    let served = false;
    void reserve.take(other, never).then(() => (served = true));
    for (let round = 0; round < 20; round += 1) await burst(4, 5);
    assert.equal(served, true);
  });

  it('rehearses on the threads that it keeps, not while a container waits', async () => {
    assert.deepEqual(rehearsed, [true, true]);
    await take(3);
    assert.deepEqual(rehearsed.slice(2), [false]);
    await pass(1000);
    assert.ok(rehearsed.length > 3 && rehearsed.slice(3).every((rehearsal) => rehearsal === true));
  });

  it('keeps a thread from the first container on, where nobody warmed it up', async () => {
    reserve = reserveOf(1);
    await pass(1000);
    const before = made.length;
    await take(1);
    await pass(1000);
    assert.ok(made.length > before + 1);
  });
});
