import { createGuestClock } from './clock.ts';
import { giveBackHeap } from './give-back-heap.ts';
import { DedicatedBlocker } from './blocker.ts';
import type { GuestHost, GuestStdio } from './host.ts';
import { ByteRingReader } from './byte-ring.ts';
import { OutputRingWriter } from './output-ring.ts';
import { controlWord } from './protocol.ts';
import type { GuestOrder } from './protocol.ts';
import { createGuestListeners } from './sockets/guest-sockets.ts';
import { RingStdio } from './stdio.ts';

/** Longer than a burst of starts takes: those who start have the CPUs first. */
const idleMilliseconds = 3000;

/** `crypto.getRandomValues` and `randomFillSync` differ: only the latter takes any length. */
function random(target: Uint8Array): void {
  // Not imported: loading it costs each thread half a megabyte, and few guests ask.
  process.getBuiltinModule('node:crypto').randomFillSync(target);
}

/** The host of the one guest of a dedicated thread. `ringDoorbell` makes the main thread look at control block and rings. */
export function createGuestHost(order: GuestOrder, ringDoorbell: () => void): GuestHost {
  const control = new Int32Array(order.control);
  const clock = createGuestClock();
  const stdio: GuestStdio = new RingStdio({
    tty: order.task.tty,
    container: 0,
    output: new OutputRingWriter(order.output, ringDoorbell),
    ...(order.input === undefined ? {} : { input: new ByteRingReader(order.input, ringDoorbell) }),
  });
  let touched = false;
  return {
    blocker: new DedicatedBlocker({
      wake: { words: control, index: controlWord.wake },
      clock,
      onEnter: () => Atomics.store(control, controlWord.entered, 1),
      whenIdle: { afterMilliseconds: idleMilliseconds, run: () => giveBackHeap(control) },
    }),
    clock,
    stdio,
    mounts: order.mounts,
    listeners: createGuestListeners(order.sockets),
    limits: { descriptors: order.descriptors, ...(order.memoryBytes === undefined ? {} : { memoryBytes: order.memoryBytes }) },
    instantiate: (module, imports) => new WebAssembly.Instance(module, imports),
    random,
    touch() {
      if (touched) return;
      touched = true;
      Atomics.store(control, controlWord.touched, 1);
      ringDoorbell();
    },
    reportMemory: (bytes) => void Atomics.store(control, controlWord.memoryKibibytes, Math.ceil(bytes / 1024)),
    reportDescriptors: (count) => void Atomics.store(control, controlWord.descriptors, count),
    memoryExhausted: (instances) => instances.some((instance) => {
      const refused = instance.exports[order.growRefusedExport];
      return refused instanceof WebAssembly.Global && Number(refused.value) > 0;
    }),
  };
}
