// The ticker's thread (see ticker.ts). Plain JavaScript: a TypeScript entry costs a thread 7 MB.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';

/** Everything about layout comes from core/guest/cpu/pace.ts, through ticker.ts. */
const { ticker, paceWord, tickMilliseconds, stuckMilliseconds, idleTicks } = workerData;
const asleep = new Int32Array(ticker);
const never = new Int32Array(new SharedArrayBuffer(4));
/** @type {Map<number, { words: Int32Array, epoch: Int32Array, slice: number, ticks: number }>} */
const threads = new Map();

/** True while a guest computes somewhere. */
function tick() {
  let active = false;
  for (const [id, thread] of threads) {
    if (Atomics.load(thread.words, paceWord.running) === 0) continue;
    active = true;
    const slice = Atomics.load(thread.words, paceWord.slice);
    if (slice !== thread.slice) {
      thread.slice = slice;
      thread.ticks = 0;
      continue;
    }
    Atomics.store(thread.epoch, 0, 1);
    thread.ticks += 1;
    if (thread.ticks === Math.ceil(stuckMilliseconds / tickMilliseconds)) parentPort.postMessage({ id, guest: Atomics.load(thread.words, paceWord.guest) });
  }
  return active;
}

function takeMessages() {
  for (let received = receiveMessageOnPort(parentPort); received !== undefined; received = receiveMessageOnPort(parentPort)) {
    const { id, words, epoch } = received.message;
    if (words === undefined) threads.delete(id);
    else threads.set(id, { words: new Int32Array(words), epoch: new Int32Array(epoch), slice: -1, ticks: 0 });
  }
}

for (let idle = 0; ; ) {
  takeMessages();
  idle = tick() ? 0 : idle + 1;
  if (idle < idleTicks) {
    Atomics.wait(never, 0, 0, tickMilliseconds);
    continue;
  }
  Atomics.store(asleep, 0, 1);
  // Who began before it could see that nobody looks is seen here.
  if (!tick()) Atomics.wait(asleep, 0, 1);
  Atomics.store(asleep, 0, 0);
  idle = 0;
}
