import { threadId } from 'node:worker_threads';
import { messageOf } from '../../api/errors.ts';
import type { GuestExit, RuntimeThread } from '../../api/runtime.ts';
import { createGuestClock, threadCpuMicroseconds } from '../time/clock.ts';
import { StopSignal } from '../ending/doom.ts';
import { ControlBlock } from '../control-block.ts';
import { createGuestHost } from '../guest-host.ts';
import type { GuestHost } from '../host.ts';
import { importRuntime } from '../import-runtime.ts';
import { instantiate } from '../instantiate.ts';
import { OutputRingWriter } from '../rings/output-ring.ts';
import { Pace } from '../cpu/pace.ts';
import { Priority } from '../cpu/priority.ts';
import { controlBytes, controlWord, cpuOffset } from '../protocol.ts';
import { ownTid } from '../own-tid.ts';
import { runOnHost } from '../ending/run-on-host.ts';
import { GuestGarbage } from './guest-garbage.ts';
import { GuestScheduler } from './guest-scheduler.ts';
import type { ScheduledGuest } from './guest-scheduler.ts';
import { SharedBlocker } from './shared-blocker.ts';
import type { SharedThreadMessage, SharedThreadOrder, SharedThreadTask } from './shared-protocol.ts';

type Begin = Extract<SharedThreadOrder, { kind: 'begin' }>;

/** The life of a thread with many guests, as a piscina task. It never settles: the main thread ends it. */
export function serveShared({ port, output, control, pace: paced }: SharedThreadTask): Promise<never> {
  const post = (message: SharedThreadMessage): void => port.postMessage(message);
  const pace = new Pace(paced);
  const words = new Int32Array(control, 0, control.byteLength / 4);
  const cpu = new Float64Array(control, 0, control.byteLength / 8);
  const monotonic = (): bigint => process.hrtime.bigint();
  const scheduler = new GuestScheduler({
    pace,
    cpu: threadCpuMicroseconds,
    monotonic,
    later: setImmediate,
    after(milliseconds, act) {
      const timer = setTimeout(act, milliseconds);
      return () => clearTimeout(timer);
    },
  });
  const guests = new Map<number, ScheduledGuest>();
  const garbage = new GuestGarbage();
  const writer = new OutputRingWriter(output, () => post({ kind: 'output' }));
  const runtimes = new Map<string, Promise<RuntimeThread>>();
  const runtimeAt = (url: string): Promise<RuntimeThread> => {
    let runtime = runtimes.get(url);
    if (runtime === undefined) runtimes.set(url, (runtime = importRuntime(url)));
    return runtime;
  };

  /** The node's, and so the same for all: each order brings an object of its own for it. */
  let nodeDescriptors: Int32Array | undefined;

  const begin = ({ guest: number, order }: Begin): void => {
    const block = new ControlBlock(words, number);
    const cpuAt = (number * controlBytes + cpuOffset) / 8;
    const guest = scheduler.admit(number, (microseconds) => {
      // After its end the place may be another's.
      if (guests.get(number) === guest) cpu[cpuAt] = microseconds;
    }, order.cpuMillicores);
    guests.set(number, guest);
    garbage.guestBegan();
    const blocker = new SharedBlocker(guest, () => block.store(controlWord.entered, 1));
    const host = createGuestHost(order, {
      blocker,
      clock: createGuestClock(() => guest.cpuMicroseconds),
      doom: guest,
      control: block,
      nodeDescriptors: (nodeDescriptors ??= new Int32Array(order.nodeDescriptors)),
      output: writer,
      container: number,
      ringDoorbell: () => post({ kind: 'doorbell', guest: number }),
      instantiate: (module, imports) => instantiate(module, imports, { checks: { epoch: pace.epoch, yield: new WebAssembly.Suspending(() => guest.yield()) }, callStart }),
    });
    void run(runtimeAt(order.runtimeUrl), order, host, guest).then((end) => {
      block.store(controlWord.ended, 1);
      guest.end();
      guests.delete(number);
      block.abandon();
      garbage.guestEnded();
      post(guest.doomed instanceof StopSignal ? { kind: 'stopped', guest: number } : { ...end, guest: number });
    });
  };

  port.on('message', (message: SharedThreadOrder) => {
    if (message.kind === 'begin') begin(message);
    else if (message.kind === 'wake-all') scheduler.wakeAll();
    else if (message.kind === 'wake') guests.get(message.guest)?.wake();
    else guests.get(message.guest)?.doom(new StopSignal());
  });
  new Priority().lower();
  post({ kind: 'ready', threadId, tid: ownTid() });
  return new Promise<never>(() => {});
}

/** A start section may suspend as well. */
function callStart(start: Function): Promise<void> {
  return WebAssembly.promising(start)().then(() => {});
}

type End = { readonly kind: 'exit'; readonly exit: GuestExit } | { readonly kind: 'failed'; readonly message: string };

/** Never rejects. */
function run(loading: Promise<RuntimeThread>, { task }: Begin['order'], host: GuestHost, guest: ScheduledGuest): Promise<End> {
  // Chained rather than awaited, here and wherever a guest waits: an async function that waits holds half a kilobyte.
  return loading
    .then((runtime) => new Promise<RuntimeThread>((resolve) => guest.schedule(() => resolve(runtime))))
    .then((runtime) => runOnHost(runtime, task, host, guest))
    .then((exit): End => ({ kind: 'exit', exit }), (error: unknown): End => ({ kind: 'failed', message: messageOf(error) }));
}
