import { ControlBlock } from '../control-block.ts';
import { DedicatedBlocker } from './blocker.ts';
import { createGuestClock, threadCpuMicroseconds } from '../time/clock.ts';
import { CpuQuota } from '../cpu/cpu-quota.ts';
import { PlainDoom, StopSignal } from '../ending/doom.ts';
import type { Doom } from '../ending/doom.ts';
import { giveBackHeap } from '../memory/give-back-heap.ts';
import { createGuestHost } from '../guest-host.ts';
import type { GuestHost } from '../host.ts';
import { instantiate } from '../instantiate.ts';
import { OutputRingWriter } from '../rings/output-ring.ts';
import { Pace } from '../cpu/pace.ts';
import { controlWord, cpuOffset } from '../protocol.ts';
import type { GuestOrder } from '../protocol.ts';

/** Longer than a burst of starts takes: those who start have the CPUs first. */
const idleMilliseconds = 3000;

/**
 * The host of a guest that has its thread for itself. `ringDoorbell` makes the main thread look at control block and rings;
 * `beforeGuest` is called before each instance is made, and so before any code of the guest runs.
 */
export function createDedicatedHost(order: GuestOrder, ringDoorbell: () => void, beforeGuest: () => void): { readonly host: GuestHost; readonly doom: Doom } {
  const control = new Int32Array(order.control);
  const base = new Float64Array(order.control, cpuOffset, 1);
  base[0] = threadCpuMicroseconds();
  const clock = createGuestClock(() => threadCpuMicroseconds() - base[0]!);
  const pace = order.pace === undefined ? undefined : new Pace(order.pace);
  const doom = new PlainDoom(() => pace?.setDue());
  const stopped = (): Error | undefined => {
    if (doom.doomed === undefined && Atomics.load(control, controlWord.stop) === 1) doom.doom(new StopSignal());
    return doom.doomed;
  };
  const quota = order.cpuMillicores === undefined ? undefined : new CpuQuota(order.cpuMillicores, clock.monotonic(), 0);
  /** A guest over its CPU limit waits until it is not. */
  const throttle = (): void => {
    if (quota === undefined) return;
    const now = clock.monotonic();
    const nanoseconds = quota.due(now, (threadCpuMicroseconds() - base[0]!) * 1000);
    if (nanoseconds > 0) blocker.waitNow({ deadline: now + BigInt(nanoseconds) });
  };
  const blocker = new DedicatedBlocker({
    wake: { words: control, index: controlWord.wake },
    clock,
    stopped,
    ...(pace === undefined ? {} : { pace }),
    afterWait: throttle,
    whenIdle: { afterMilliseconds: idleMilliseconds, run: () => void (base[0]! += giveBackHeap()) },
    onEnter: () => {
      pace?.enter(0);
      Atomics.store(control, controlWord.entered, 1);
    },
  });
  const yieldNow = (): number => {
    throttle();
    if (stopped() !== undefined) return 1;
    pace!.enter(0);
    return 0;
  };
  const host = createGuestHost(order, {
    blocker,
    clock,
    doom,
    control: new ControlBlock(control, 0),
    nodeDescriptors: new Int32Array(order.nodeDescriptors),
    output: new OutputRingWriter(order.output, ringDoorbell),
    container: 0,
    ringDoorbell,
    instantiate(module, imports) {
      beforeGuest();
      return instantiate(module, imports, {
        ...(pace === undefined ? {} : { checks: { epoch: pace.epoch, yield: yieldNow } }),
        callStart(start) {
          pace?.enter(0);
          (start as () => void)();
        },
      });
    },
  });
  return { host, doom };
}
