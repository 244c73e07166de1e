import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ControlBlocks } from '../../../core/engine/threads/guest-control.ts';
import { SharedGuest } from '../../../core/engine/threads/shared/shared-guest.ts';
import type { SharedGuestThread } from '../../../core/engine/threads/shared/shared-guest.ts';
import { ControlBlock } from '../../../core/guest/control-block.ts';
import { controlBytes, controlWord, nodeDescriptorBytes } from '../../../core/guest/protocol.ts';
import type { ContainerOrder } from '../../../core/guest/protocol.ts';

const order: ContainerOrder = {
  runtimeUrl: 'file:///none',
  mayReuse: false,
  landlock: false,
  task: { containerId: 'one', argv: [], env: [], cwd: '', isolation: 'shared', tty: false, modules: {} },
  mounts: [],
  descriptors: 16,
  nodeDescriptors: new SharedArrayBuffer(nodeDescriptorBytes),
  growRefusedExport: '',
};
const handlers = { onDoorbell() {}, deliver: () => Promise.resolve() };

function thread(): SharedGuestThread & { readonly left: number[] } {
  const left: number[] = [];
  return { tid: 1, blocks: new ControlBlocks(new SharedArrayBuffer(2 * controlBytes)), post() {}, drain: () => Promise.resolve(), leave: (guest) => void left.push(guest), left };
}

const at = (number: number, word: number): number => (number * controlBytes) / 4 + word;

describe('a guest on a shared thread', () => {
  it('has a control block of its own', () => {
    const shared = thread();
    const guests = [0, 1].map((number) => new SharedGuest(number, shared));
    for (const guest of guests) guest.begin(order, handlers);
    Atomics.store(shared.blocks.words, at(1, controlWord.touched), 1);
    assert.deepEqual(guests.map(({ touched }) => touched), [false, true]);
  });

  it('keeps its number until its thread has said that it is over', async () => {
    const shared = thread();
    const guest = new SharedGuest(1, shared);
    guest.begin(order, handlers);
    const released = guest.release();
    await new Promise(setImmediate);
    assert.deepEqual(shared.left, []);
    guest.end({ kind: 'terminated' });
    await released;
    assert.deepEqual(shared.left, [1]);
  });

  it('finds nothing of the one that had its number before, which sees nothing of it', async () => {
    const shared = thread();
    const { words, cpu } = shared.blocks;
    const first = new SharedGuest(1, shared);
    first.begin(order, handlers);
    for (const word of Object.values(controlWord)) Atomics.store(words, at(1, word), 1);
    cpu[1 * 8 + 4] = 5;
    first.end({ kind: 'terminated' });
    await first.release();
    const next = new SharedGuest(1, shared);
    next.begin(order, handlers);
    assert.deepEqual([next.touched, next.begun, next.over, next.usage()], [false, false, false, { threadId: 1, cpuNanoseconds: 0, memoryBytes: 0, descriptors: 0 }]);
    Atomics.store(words, at(1, controlWord.descriptors), 7);
    assert.deepEqual([first.descriptors, first.usage(), first.requestStop()], [1, undefined, false]);
  });

  it('writes nothing that its successor sees', () => {
    const { words } = thread().blocks;
    const block = new ControlBlock(words, 1);
    block.store(controlWord.touched, 1);
    block.abandon();
    block.store(controlWord.memoryKibibytes, 9);
    assert.deepEqual([words[at(1, controlWord.touched)], words[at(1, controlWord.memoryKibibytes)], words[at(0, controlWord.memoryKibibytes)]], [1, 0, 0]);
  });
});
