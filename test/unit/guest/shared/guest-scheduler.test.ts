import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StopSignal } from '../../../../core/guest/ending/doom.ts';
import type { Blocked } from '../../../../core/guest/host.ts';
import { paceWord } from '../../../../core/guest/cpu/pace.ts';
import { SharedBlocker } from '../../../../core/guest/shared/shared-blocker.ts';
import type { ScheduledGuest } from '../../../../core/guest/shared/guest-scheduler.ts';
import { testScheduler } from '../../../support/shared-guests.ts';
import type { TestScheduler } from '../../../support/shared-guests.ts';
import { wat } from '../../../support/wat.ts';

const sleeper = new WebAssembly.Module(wat(`(module
  (import "host" "sleep" (func $sleep (result i32)))
  (import "host" "done" (func $done (param i32)))
  (func (export "_start") (call $done (call $sleep))))`));

/** As the rewriter leaves an endless loop: each round looks at the epoch word and calls yield. */
const loop = new WebAssembly.Module(wat(`(module
  (import "wasmlet" "epoch" (memory 1 1 shared))
  (import "wasmlet" "yield" (func $yield (result i32)))
  (func (export "_start") (loop $again
    (if (i32.load (i32.const 0)) (then (if (call $yield) (then unreachable))))
    (br $again))))`));

function run(guest: ScheduledGuest, module: WebAssembly.Module, imports: WebAssembly.Imports): Promise<void> {
  const blocker = new SharedBlocker(guest, () => {});
  return new Promise((resolve, reject) => guest.schedule(() => {
    const instance = new WebAssembly.Instance(module, imports);
    void (async () => blocker.enter(instance.exports['_start'] as Function)())().then(resolve, reject).finally(() => guest.end());
  }));
}

function looping({ scheduler, epochMemory }: TestScheduler, number: number): { guest: ScheduledGuest; ended: Promise<void>; yields: () => number } {
  const guest = scheduler.admit(number, () => {});
  let yields = 0;
  const imports = { wasmlet: { epoch: epochMemory, yield: new WebAssembly.Suspending(() => (yields++, guest.yield())) } };
  return { guest, ended: run(guest, loop, imports), yields: () => yields };
}

/** Sets the word that yield checks look at, again and again, from another thread. */
async function ticking<Result>({ epoch }: TestScheduler, work: () => Promise<Result>): Promise<Result> {
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker('const { workerData } = require("node:worker_threads"); setInterval(() => Atomics.store(workerData, 0, 1), 1);', { eval: true, workerData: epoch });
  try {
    return await work();
  } finally {
    await worker.terminate();
  }
}

describe('guests on one thread', () => {
  it('go on while one of them waits', async () => {
    const { scheduler } = testScheduler();
    const order: string[] = [];
    let open = false;
    const start = (name: string, wait: { ready(): boolean }): { guest: ScheduledGuest; ended: Promise<void> } => {
      const guest = scheduler.admit(0, () => {});
      const sleep = new SharedBlocker(guest, () => {}).wrap((): Blocked => ({ wait, resume: () => 7 }));
      return { guest, ended: run(guest, sleeper, { host: { sleep, done: (value: number) => void order.push(`${name} ${value}`) } }) };
    };
    const first = start('first', { ready: () => open });
    await start('second', { ready: () => true }).ended;
    assert.deepEqual(order, ['second 7']);
    open = true;
    scheduler.wakeAll();
    await first.ended;
    assert.deepEqual(order, ['second 7', 'first 7']);
  });

  it('wake at their deadlines', async () => {
    const { scheduler } = testScheduler();
    const guest = scheduler.admit(0, () => {});
    const before = process.hrtime.bigint();
    await guest.wait({ deadline: before + 3_000_000n });
    assert.ok(process.hrtime.bigint() - before >= 3_000_000n);
  });

  it('take turns although both loop for ever, and each is ended alone', async () => {
    const test = testScheduler();
    await ticking(test, async () => {
      const [one, other] = [looping(test, 1), looping(test, 2)];
      while (one.yields() < 5 || other.yields() < 5) await new Promise((resolve) => setTimeout(resolve, 1));
      one.guest.doom(new StopSignal());
      await assert.rejects(one.ended, WebAssembly.RuntimeError);
      const before = other.yields();
      while (other.yields() < before + 5) await new Promise((resolve) => setTimeout(resolve, 1));
      other.guest.doom(new StopSignal());
      await assert.rejects(other.ended, WebAssembly.RuntimeError);
    });
    assert.equal(Atomics.load(test.words, paceWord.running), 0);
  });

  it('end in a wait with the reason, once', async () => {
    const { scheduler } = testScheduler();
    const guest = scheduler.admit(0, () => {});
    const waiting = guest.wait({ ready: () => false });
    const reason = new StopSignal();
    guest.doom(reason);
    guest.doom(new Error('another'));
    await assert.rejects(waiting, reason);
    await assert.rejects(guest.wait({ ready: () => true }), reason);
    assert.equal(guest.yield(), 1);
  });

  it('are charged for the time between getting the thread and leaving it', async () => {
    const test = testScheduler();
    const [one, other] = [test.scheduler.admit(1, () => {}), test.scheduler.admit(2, () => {})];
    await new Promise<void>((resolve) => one.schedule(resolve));
    test.cpu += 40;
    const yielded = one.yield();
    test.cpu += 1_000;
    await yielded;
    await new Promise<void>((resolve) => other.schedule(resolve));
    test.cpu += 5;
    assert.equal(other.cpuMicroseconds, 5);
    other.end();
    test.cpu += 70;
    assert.deepEqual([one.cpuMicroseconds, other.cpuMicroseconds], [40, 5]);
  });

  it('do not wait in place', () => {
    assert.throws(() => new SharedBlocker(testScheduler().scheduler.admit(0, () => {}), () => {}).waitNow(), /cannot wait in place/);
  });
});
