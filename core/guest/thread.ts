import { readlinkSync } from 'node:fs';
import os from 'node:os';
import { threadId } from 'node:worker_threads';
import { messageOf } from '../api/errors.ts';
import type { GuestExit, RuntimeThread } from '../api/runtime.ts';
import { threadCpuMicroseconds } from './clock.ts';
import { createGuestHost } from './guest-host.ts';
import { controlWord } from './protocol.ts';
import type { GuestOrder, ThreadMessage, ThreadTask } from './protocol.ts';

/** Below the node's own threads, so that its lease and its probes stay alive beside busy guests. */
const guestNiceness = 10;

/**
 * A thread's whole life, as a piscina task: warm up, wait for one container, run it, report how it ended. It never
 * settles: the main thread ends the thread, so that piscina cannot give a used one to another container.
 */
export async function serve(thread: ThreadTask): Promise<never> {
  const { port } = thread;
  const post = (message: ThreadMessage): void => port.postMessage(message);
  // One that cannot be imported is reported when a container needs it.
  await Promise.allSettled(thread.preload.map((url) => import(url)));
  const order = new Promise<GuestOrder>((resolve) => port.once('message', resolve));
  // Warming up at full priority, everything after it as a guest.
  os.setPriority(guestNiceness);
  post({ kind: 'ready', threadId, tid: ownTid() });
  post(await runGuest(await order, thread, () => post({ kind: 'doorbell' })));
  return new Promise<never>(() => {});
}

async function runGuest(order: GuestOrder, thread: ThreadTask, ringDoorbell: () => void): Promise<ThreadMessage> {
  const control = new Int32Array(thread.control);
  Atomics.store(control, controlWord.cpuBaseMicroseconds, threadCpuMicroseconds() | 0);
  try {
    const runtime = (await import(order.runtimeUrl)) as RuntimeThread;
    const exit: GuestExit = await runtime.start(order.task, createGuestHost(order, thread, ringDoorbell));
    return { kind: 'exit', exit };
  } catch (error) {
    return { kind: 'failed', message: messageOf(error) };
  } finally {
    Atomics.store(control, controlWord.ended, 1);
  }
}

/** The kernel's id of the calling thread: the synchronous call runs on it. */
function ownTid(): number {
  return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
}
