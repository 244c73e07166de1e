import assert from 'node:assert/strict';
import { beyond, failure, success } from '../case.ts';
import type { Case } from '../case.ts';
import type { Caller } from '../caller.ts';
import type { Preview1Function } from '../signatures.ts';

const strings = { argv: ['program', 'two words', 'ż'], env: [['NAME', 'value'], ['EMPTY', '']] } as const;
const [realtime, monotonic, processCpu, threadCpu] = [0, 1, 2, 3];

/** What `args_get` or `environ_get` wrote: the pointers, and the strings they lead to. */
async function stringsOf(guest: Caller, sizes: Preview1Function, get: Preview1Function): Promise<string[]> {
  const [count, size] = [guest.room(4), guest.room(4)];
  await guest.succeed(sizes, count, size);
  const [pointers, buffer] = [guest.room(4 * guest.view.getUint32(count, true)), guest.room(guest.view.getUint32(size, true))];
  await guest.succeed(get, pointers, buffer);
  return Array.from({ length: guest.view.getUint32(count, true) }, (_, index) => {
    const at = guest.view.getUint32(pointers + 4 * index, true);
    const bytes = Buffer.from(guest.memory.buffer);
    return bytes.toString('utf8', at, bytes.indexOf(0, at));
  });
}

/** Both calls of a pair with a pointer that lies, first and second. */
function lyingPointers(name: Preview1Function): Case[] {
  return [
    failure(name, 'EFAULT', 'the first pointer lies', (guest) => guest.call(name, beyond, guest.room(64)), { options: strings }),
    failure(name, 'EFAULT', 'the second pointer lies', (guest) => guest.call(name, guest.room(64), beyond), { options: strings }),
  ];
}

/** Arguments, environment, clocks, random numbers and the end. */
export const processCases: readonly Case[] = [
  success('args_sizes_get', 'counts the strings and their bytes, zeros included', async (guest) => {
    const [count, size] = [guest.room(4), guest.room(4)];
    await guest.succeed('args_sizes_get', count, size);
    assert.deepEqual([guest.view.getUint32(count, true), guest.view.getUint32(size, true)], [3, 8 + 10 + 3]);
  }, { options: strings }),
  ...lyingPointers('args_sizes_get'),
  success('args_get', 'gives the pod\'s arguments', async (guest) => {
    assert.deepEqual(await stringsOf(guest, 'args_sizes_get', 'args_get'), strings.argv);
  }, { options: strings }),
  ...lyingPointers('args_get'),
  success('environ_sizes_get', 'counts the strings and their bytes, zeros included', async (guest) => {
    const [count, size] = [guest.room(4), guest.room(4)];
    await guest.succeed('environ_sizes_get', count, size);
    assert.deepEqual([guest.view.getUint32(count, true), guest.view.getUint32(size, true)], [2, 11 + 7]);
  }, { options: strings }),
  ...lyingPointers('environ_sizes_get'),
  success('environ_get', 'gives the pod\'s environment and nothing else', async (guest) => {
    assert.deepEqual(await stringsOf(guest, 'environ_sizes_get', 'environ_get'), ['NAME=value', 'EMPTY=']);
  }, { options: strings }),
  ...lyingPointers('environ_get'),

  success('clock_time_get', 'tells the time of day', async (guest) => {
    const told = Number((await guest.u64('clock_time_get', realtime, 1n)) / 1_000_000n);
    assert.ok(Math.abs(told - Date.now()) < 60_000, String(told));
  }),
  success('clock_time_get', 'counts up, in more than whole microseconds', async (guest) => {
    const times: bigint[] = [];
    for (let index = 0; index < 50; index++) times.push(await guest.u64('clock_time_get', monotonic, 0n));
    times.reduce((before, time) => (assert.ok(time >= before), time));
    assert.ok(times.some((time) => time % 1000n !== 0n), 'all are whole microseconds');
  }),
  success('clock_time_get', 'tells the CPU time of process and thread', async (guest) => {
    for (const clock of [processCpu, threadCpu]) {
      const before = await guest.u64('clock_time_get', clock, 0n);
      assert.ok((await guest.u64('clock_time_get', clock, 0n)) >= before);
    }
  }),
  failure('clock_time_get', 'EINVAL', 'there is no such clock', (guest) => guest.call('clock_time_get', 9, 0n, guest.room(8))),
  failure('clock_time_get', 'EFAULT', 'the pointer lies', (guest) => guest.call('clock_time_get', realtime, 0n, beyond)),
  success('clock_res_get', 'is between a nanosecond and a millisecond', async (guest) => {
    for (const clock of [realtime, monotonic, processCpu, threadCpu]) {
      const resolution = await guest.u64('clock_res_get', clock);
      assert.ok(resolution >= 1n && resolution <= 1_000_000n, `${clock}: ${resolution}`);
    }
  }),
  failure('clock_res_get', 'EINVAL', 'there is no such clock', (guest) => guest.call('clock_res_get', 9, guest.room(8))),
  failure('clock_res_get', 'EFAULT', 'the pointer lies', (guest) => guest.call('clock_res_get', realtime, beyond)),

  success('random_get', 'fills all of the buffer, each time with something else', async (guest) => {
    const [one, other, large] = [guest.room(32), guest.room(32), guest.room(100_000)];
    await guest.succeed('random_get', one, 32);
    await guest.succeed('random_get', other, 32);
    await guest.succeed('random_get', large, 100_000);
    assert.notDeepEqual(guest.bytes(one, 32), guest.bytes(other, 32));
    for (let at = 0; at < 100_000; at += 1000) assert.ok(guest.bytes(large + at, 1000).some((byte) => byte !== 0), `nothing at ${at}`);
  }),
  success('random_get', 'of no bytes writes none', async (guest) => {
    const at = guest.room(8);
    await guest.succeed('random_get', at, 0);
    assert.deepEqual(guest.bytes(at, 8), Buffer.alloc(8));
  }),
  failure('random_get', 'EFAULT', 'the buffer reaches beyond the memory', (guest) => guest.call('random_get', guest.memory.buffer.byteLength - 8, 16)),

  success('sched_yield', 'comes back', (guest) => guest.succeed('sched_yield')),
  failure('proc_raise', 'ENOTSUP', 'a guest has no signals', (guest) => guest.call('proc_raise', 15)),
];
