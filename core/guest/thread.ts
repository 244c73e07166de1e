import { readlinkSync } from 'node:fs';
import os from 'node:os';
import { threadId } from 'node:worker_threads';
import { messageOf } from '../api/errors.ts';
import type { GuestExit, GuestTask, RuntimeThread } from '../api/runtime.ts';
import { threadCpuMicroseconds } from './clock.ts';
import { createGuestHost } from './guest-host.ts';
import { controlBytes, controlWord, recordHeaderBytes, ringHeaderBytes } from './protocol.ts';
import type { GuestOrder, Preload, ThreadMessage, ThreadTask } from './protocol.ts';

/** Below the node's own threads, so that its lease and its probes stay alive beside busy guests. */
const guestNiceness = 10;

/** `(module (memory (export "memory") 1) (func (export "_start")))` */
const emptyCommand = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // preamble
  0x01, 0x04, 0x01, 0x60, 0x00, 0x00, // types
  0x03, 0x02, 0x01, 0x00, // functions
  0x05, 0x03, 0x01, 0x00, 0x01, // memories
  0x07, 0x13, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x06, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00, 0x00, // exports
  0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b, // code
]);

/**
 * A thread's whole life, as a piscina task: warm up, wait for one container, run it, report how it ended. It never
 * settles: the main thread ends the thread, so that piscina cannot give a used one to another container.
 */
export async function serve(thread: ThreadTask): Promise<never> {
  const { port } = thread;
  const post = (message: ThreadMessage): void => port.postMessage(message);
  // A runtime that cannot be imported, or not run, is reported when a container needs it.
  const preloaded = thread.preload === undefined ? undefined : await warmUp(thread.preload).catch(() => undefined);
  const order = new Promise<GuestOrder>((resolve) => port.once('message', resolve));
  // Warming up at full priority, everything after it as a guest.
  os.setPriority(guestNiceness);
  post({ kind: 'ready', threadId, tid: ownTid() });
  const given = await order;
  // Importing again what is there costs a tenth of a millisecond.
  const runtime = given.runtimeUrl === thread.preload?.runtimeUrl ? preloaded : undefined;
  post(await runGuest(given, thread, runtime, () => post({ kind: 'doorbell' })));
  return new Promise<never>(() => {});
}

async function warmUp({ runtimeUrl, rehearse }: Preload): Promise<RuntimeThread> {
  const runtime = (await import(runtimeUrl)) as RuntimeThread;
  if (!rehearse) return runtime;
  const task: GuestTask = { containerId: '', argv: ['rehearsal'], env: [], cwd: '/', isolation: 'dedicated', tty: false, modules: { main: new WebAssembly.Module(emptyCommand) } };
  const memory = { control: new SharedArrayBuffer(controlBytes), output: new SharedArrayBuffer(ringHeaderBytes + recordHeaderBytes) };
  await runtime.start(task, createGuestHost({ runtimeUrl, task, mounts: [], descriptors: 16, growRefusedExport: '' }, memory, () => {}));
  return runtime;
}

async function runGuest(order: GuestOrder, thread: ThreadTask, preloaded: RuntimeThread | undefined, ringDoorbell: () => void): Promise<ThreadMessage> {
  const control = new Int32Array(thread.control);
  Atomics.store(control, controlWord.cpuBaseMicroseconds, threadCpuMicroseconds() | 0);
  try {
    const runtime = preloaded ?? ((await import(order.runtimeUrl)) as RuntimeThread);
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
