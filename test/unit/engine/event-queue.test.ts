import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventQueue } from '../../../core/engine/event-queue.ts';

describe('the event queue', () => {
  it('delivers in order what came before and while somebody listens, then ends', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    queue.push(2);
    const seen: number[] = [];
    const listening = (async () => {
      for await (const value of queue) {
        seen.push(value);
        if (value === 2) queueMicrotask(() => queue.push(3));
        if (value === 3) queue.close();
      }
    })();
    await listening;
    assert.deepEqual(seen, [1, 2, 3]);
  });

  it('delivers what was pushed before it was closed, and nothing after', async () => {
    const queue = new EventQueue<number>();
    queue.push(1);
    queue.close();
    queue.push(2);
    assert.deepEqual(await Array.fromAsync(queue), [1]);
  });

  it('has one consumer', async () => {
    const queue = new EventQueue<number>();
    queue.close();
    await Array.fromAsync(queue);
    await assert.rejects(Array.fromAsync(queue), /one consumer/);
  });
});
