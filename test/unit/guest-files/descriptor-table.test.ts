import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DescriptorTable } from '../../../core/guest/files/descriptor-table.ts';

class Fake {
  closed = 0;
  close(): void {
    this.closed++;
  }
}

function table(limit = 10, nodeHasDescriptors = () => true): { descriptors: DescriptorTable<Fake>; counts: number[] } {
  const counts: number[] = [];
  return { descriptors: new DescriptorTable<Fake>({ limits: { descriptors: limit }, reportDescriptors: (count) => counts.push(count), nodeHasDescriptors }), counts };
}

test('the lowest free number is given', () => {
  const { descriptors, counts } = table();
  for (let index = 0; index < 3; index++) assert.equal(descriptors.insert(() => new Fake()), index);
  descriptors.close(1);
  assert.equal(descriptors.insert(() => new Fake()), 1);
  assert.deepEqual(counts, [1, 2, 3, 2, 3]);
});

test('beyond the limit nothing is opened', () => {
  const { descriptors } = table(1);
  descriptors.insert(() => new Fake());
  let opened = false;
  assert.throws(() => descriptors.insert(() => ((opened = true), new Fake())), { code: 'EMFILE' });
  assert.equal(opened, false);
});

test('a number that is not open is EBADF, however it is given', () => {
  const { descriptors } = table();
  for (const number of [0, -1, 5, 2 ** 31, NaN]) assert.throws(() => descriptors.get(number), { code: 'EBADF' });
});

test('renumber closes what it replaces, and both must be open', () => {
  const { descriptors, counts } = table();
  const [first, second] = [new Fake(), new Fake()];
  descriptors.insert(() => first);
  descriptors.insert(() => second);
  assert.throws(() => descriptors.renumber(0, 7), { code: 'EBADF' });
  descriptors.renumber(0, 0);
  descriptors.renumber(0, 1);
  assert.equal(descriptors.get(1), first);
  assert.throws(() => descriptors.get(0), { code: 'EBADF' });
  assert.deepEqual([first.closed, second.closed, counts.at(-1)], [0, 1, 1]);
});

test('all are closed at the end, once', () => {
  const { descriptors, counts } = table();
  const fakes = [new Fake(), new Fake()];
  for (const fake of fakes) descriptors.insert(() => fake);
  descriptors.closeAll();
  descriptors.closeAll();
  assert.deepEqual(fakes.map((fake) => fake.closed), [1, 1]);
  assert.equal(counts.at(-1), 0);
});

test('what is held without a number counts, and is closed once', () => {
  const { descriptors, counts } = table(2);
  descriptors.insert(() => new Fake());
  const held = descriptors.hold(() => new Fake());
  assert.throws(() => descriptors.hold(() => new Fake()), { code: 'EMFILE' });
  descriptors.release(held);
  descriptors.release(held);
  const again = descriptors.hold(() => new Fake());
  descriptors.closeAll();
  descriptors.release(again);
  assert.deepEqual([held.closed, again.closed], [1, 1]);
  assert.deepEqual(counts, [1, 2, 1, 2, 0]);
});

test('what the node cannot spare is ENFILE', () => {
  const { descriptors } = table(2, () => false);
  assert.throws(() => descriptors.insert(() => new Fake()), { code: 'ENFILE' });
});
