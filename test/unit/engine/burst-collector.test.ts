import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BurstCollector } from '../../../core/engine/burst-collector.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

it('memory is given back once, when a burst of containers is over', async () => {
  const clock = new VirtualClock();
  const advance = (milliseconds: number): Promise<void> => clock.advance(milliseconds, async () => {});
  let collections = 0;
  const collector = new BurstCollector(clock, () => collections++);
  for (let n = 0; n < 100; n++) collector.note();
  await advance(60_000);
  assert.equal(collections, 0, 'a few are not worth it');
  for (let n = 0; n < 300; n++) {
    collector.note();
    await advance(100);
  }
  assert.equal(collections, 0, 'not in the middle of it');
  await advance(5_000);
  assert.equal(collections, 1);
  await advance(60_000);
  assert.equal(collections, 1);
  for (let n = 0; n < 200; n++) collector.note();
  collector.stop();
  await advance(60_000);
  assert.equal(collections, 1);
});
