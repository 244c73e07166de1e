import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EngineBed } from '../../support/engine-bed.ts';
import { guests } from '../../support/guests.ts';

/** Makes host calls without end. */
const caller = `(module
  (import "plain" "now" (func $now (result i32)))
  (import "plain" "sleep" (func $sleep (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (drop (call $sleep (i32.const 0))) (loop $again (drop (call $now)) (br $again))))`;

for (const isolation of ['dedicated', 'shared'] as const) describe(`a CPU limit on a ${isolation} thread`, () => {
  let bed: EngineBed;
  before(async () => {
    bed = await EngineBed.create({ isolation });
  });
  after(() => bed.close());

  const cpuOf = (id: string): number => bed.engine.containerStats().find((stats) => stats.id === id)!.cpuNanoseconds;
  const resources = { descriptors: 10, cpuMillicores: 200 };

  for (const [sentence, text] of [['computes', guests.busy], ['calls the host', caller]] as const) {
    it(`holds a guest that ${sentence} without end, and it is ended at once`, async () => {
      const id = await bed.start(await bed.module(text), { resources });
      await bed.running(id);
      // As long as it takes, however busy the machine is: over 50 periods a guest never gets more than its share.
      const [cpu, began] = [cpuOf(id), process.hrtime.bigint()];
      while (cpuOf(id) - cpu < 1e9) await new Promise((resolve) => setTimeout(resolve, 20));
      const share = (cpuOf(id) - cpu) / Number(process.hrtime.bigint() - began);
      assert.ok(share < 0.22, `it got ${share.toFixed(3)} CPUs`);
      await bed.engine.stopContainer(id, 0);
      assert.deepEqual(bed.observe(id).exit, { code: 137, reason: 'Error' });
    });
  }

  it('leaves a guest alone that uses less', async () => {
    assert.deepEqual((await bed.run(await bed.module(guests.hello), { resources })).exit, { code: 7, reason: 'Error' });
  });
});
