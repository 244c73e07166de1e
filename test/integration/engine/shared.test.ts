import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { ContainerObservation } from '../../../core/api/engine.ts';
import { EngineBed } from '../../support/engine-bed.ts';
import { guests } from '../../support/guests.ts';

/** Says "." every 10 ms. */
const ticker = `(module
  (import "plain" "write" (func $write (param i32 i32 i32) (result i32)))
  (import "plain" "sleep" (func $sleep (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) ".\\n")
  (func (export "_start") (loop $again
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 2)))
    (drop (call $sleep (i32.const 10)))
    (br $again))))`;

/** Makes its thread fail from outside of any guest. */
const crash = '(module (import "plain" "crash" (func $crash)) (import "plain" "sleep" (func $sleep (param i32) (result i32))) (memory (export "memory") 1) (func (export "_start") (call $crash) (drop (call $sleep (i32.const 3600000)))))';

/** Holds its thread in the adapter, where no yield check is. */
const hold = '(module (import "plain" "hold" (func $hold)) (memory (export "memory") 1) (func (export "_start") (call $hold)))';

describe('guests on shared threads', () => {
  let bed: EngineBed;
  before(async () => {
    bed = await EngineBed.create({ isolation: 'shared' });
  });
  after(() => bed.close());

  const ticks = async (id: string): Promise<number> => (await bed.log(id)).split('\n').length;
  /** Resolves when the guest has ticked so often again. */
  const ticked = async (id: string, times: number): Promise<void> => {
    const enough = (await ticks(id)) + times;
    while ((await ticks(id)) < enough) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const runningAll = async (text: string, count: number, where = bed): Promise<string[]> => {
    const artifact = await where.module(text);
    const ids = await Promise.all(Array.from({ length: count }, () => where.start(artifact)));
    await Promise.all(ids.map((id) => where.running(id)));
    return ids;
  };
  const running = async (text: string): Promise<string> => (await runningAll(text, 1))[0]!;
  const stopped = { code: 137, reason: 'Error' } as const;

  it('share few threads', async () => {
    const threads = async (): Promise<number> => Number(/^Threads:\s+(\d+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]);
    const first = await running(guests.sleep);
    const before = await threads();
    const ids = await runningAll(guests.sleep, 200);
    assert.ok((await threads()) - before <= 3, `${(await threads()) - before} threads more`);
    assert.equal(bed.engine.containerStats().length, 201);
    await Promise.all([first, ...ids].map((id) => bed.engine.stopContainer(id, 0)));
    assert.ok(ids.every((id) => bed.observe(id).exit?.code === 137));
  });

  it('go on beside guests that loop for ever, each of which ends alone', async () => {
    const tick = await running(ticker);
    const spinners = await runningAll(guests.busy, 6);
    for (const spinner of spinners) {
      await ticked(tick, 3);
      await bed.engine.stopContainer(spinner, 0);
      assert.deepEqual(bed.observe(spinner).exit, stopped);
    }
    await ticked(tick, 3);
    await bed.engine.stopContainer(tick, 0);
  });

  it('loop in a start section, and others go on', async () => {
    const tick = await running(ticker);
    const id = await bed.start(await bed.module(guests.spinInStart));
    await ticked(tick, 5);
    await bed.engine.stopContainer(id, 0);
    await bed.engine.stopContainer(tick, 0);
    assert.deepEqual(bed.observe(id).exit, stopped);
  });

  it('are charged for their own CPU time', async () => {
    const [busy, idle] = [await running(guests.busy), await running(guests.sleep)];
    const cpuOf = (id: string): number => bed.engine.containerStats().find((stats) => stats.id === id)!.cpuNanoseconds;
    while (cpuOf(busy) < 100e6) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(cpuOf(idle) < 20e6, `${cpuOf(idle)} ns`);
    await Promise.all([busy, idle].map((id) => bed.engine.stopContainer(id, 0)));
  });

  it('leave no memory behind', async () => {
    const resident = async (): Promise<number> => Number(/^VmRSS:\s+(\d+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]) / 1024;
    // 64 MiB, written whole.
    const large = '(module (import "plain" "sleep" (func $sleep (param i32) (result i32))) (memory (export "memory") 1024) (func (export "_start") (memory.fill (i32.const 0) (i32.const 1) (i32.const 67108864)) (drop (call $sleep (i32.const 0)))))';
    const artifact = await bed.module(large);
    await bed.run(artifact);
    const before = await resident();
    for (let n = 0; n < 10; n++) assert.equal((await bed.run(artifact)).exit?.code, 0);
    while ((await resident()) > before + 100) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  it('need a module that can have yield checks', async () => {
    const { exit } = await bed.run(await bed.module('(module (memory (export "memory") 1 1 shared) (func (export "_start")))'));
    assert.equal(exit?.errorCode, 'ISOLATION_UNSUPPORTED');
  });

  /** On an engine of its own, whose first guests are on one thread together. */
  const lost = async (text: string, why: RegExp): Promise<void> => {
    const own = await EngineBed.create({ isolation: 'shared' });
    try {
      const others = await runningAll(guests.sleep, 3, own);
      const dedicated = await own.start(await own.module(guests.sleep), { isolation: 'dedicated' });
      await own.running(dedicated);
      const culprit = await own.start(await own.module(text));
      const ends: ContainerObservation[] = await Promise.all([culprit, ...others].map((id) => own.ended(id)));
      for (const { exit } of ends) {
        assert.deepEqual([exit?.code, exit?.reason], [134, 'Error']);
        assert.match(exit?.message ?? '', why);
      }
      assert.equal(own.observe(dedicated).phase, 'running');
      // The next guests get another thread.
      assert.equal((await own.run(await own.module(guests.hello))).exit?.code, 7);
    } finally {
      await own.close();
    }
  };

  it('lose their thread together when it crashes, and nobody else does', () => lost(crash, /the guest's thread was lost: .*crash/));

  it('lose their thread when one of them holds it, and are told who', () => lost(hold, /the guest's thread was lost: container [0-9a-f]{64} held the shared thread/));
});
