import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { messageOf } from '../api/errors.ts';
import type { GuestExit, RuntimeThread } from '../api/runtime.ts';
import { collectGarbage } from './memory/give-back-heap.ts';
import { createDedicatedHost } from './dedicated/dedicated-host.ts';
import { rehearse } from './dedicated/rehearsal.ts';
import { StopSignal } from './ending/doom.ts';
import { ownTid } from './own-tid.ts';
import { installation } from './installation.ts';
import { landlockRules } from './landlock/landlock-rules.ts';
import { landlockVersion, restrictThread } from './landlock/restrict-thread.ts';
import { controlWord } from './protocol.ts';
import { Priority } from './cpu/priority.ts';
import type { GuestOrder, Preload, ThreadMessage, ThreadTask } from './protocol.ts';
import { runOnHost } from './ending/run-on-host.ts';

/** Linear memory of guests that have ended, in KiB, and their number, before it is collected in between two guests. */
const garbageKibibytes = 32 * 1024;
const garbageGuests = 64;
/** An idle thread collects after so many milliseconds. */
const idleMilliseconds = 500;
/** Share of the JavaScript heap that former guests may leave in use; with more the thread takes no other. */
const usableHeap = 0.5;

/** Loads the thread module of a runtime by its URL. */
export type LoadRuntime = (url: string) => Promise<RuntimeThread>;

/**
 * A thread that has one guest at a time: warm up, then run one container after the other, as the main thread orders them.
 */
export async function serveDedicated({ port, preload }: ThreadTask, load: LoadRuntime): Promise<never> {
  const thread: DedicatedThread = { runtimes: new Runtimes(load), remains: new Remains() };
  if (preload !== undefined) await warmUp(preload, thread).catch(() => {}); // What is wrong is reported when a container needs the runtime.
  takeOrders(port, thread, new Priority());
  port.postMessage({ kind: 'ready', threadId, tid: ownTid() } satisfies ThreadMessage);
  return new Promise<never>(() => {});
}

/** What a thread keeps from one guest to the next. */
interface DedicatedThread {
  readonly runtimes: Runtimes;
  readonly remains: Remains;
}

async function warmUp({ runtimeUrl, rehearsed }: Preload, thread: DedicatedThread): Promise<void> {
  await thread.runtimes.at(runtimeUrl);
  // Not lowered: only root could raise it again.
  if (rehearsed) await rehearse(runtimeUrl, (port) => takeOrders(port, thread, new Priority(os.constants.priority.PRIORITY_HIGHEST)));
}

/** Runs the containers that are ordered through `port`, one after the other. */
function takeOrders(port: MessagePort, { runtimes, remains }: DedicatedThread, priority: Priority): void {
  const post = (message: ThreadMessage): void => port.postMessage(message);
  const run = async (order: GuestOrder): Promise<void> => {
    remains.guestComes();
    const end = await runGuest(order, runtimes, () => post({ kind: 'doorbell' }), () => priority.lower());
    const clean = order.mayReuse && isClean(order, end);
    post(end.kind === 'failed' || end.kind === 'stopped' ? end : { kind: 'exit', exit: end, clean });
    if (!clean) return;
    priority.raise();
    remains.guestLeft(memoryOf(order));
  };
  port.on('message', (order: GuestOrder) => void run(order));
}

type AdapterFailure = Extract<ThreadMessage, { kind: 'failed' | 'stopped' }>;

async function runGuest(order: GuestOrder, runtimes: Runtimes, ringDoorbell: () => void, beforeGuest: () => void): Promise<GuestExit | AdapterFailure> {
  const control = new Int32Array(order.control);
  const { host, doom } = createDedicatedHost(order, ringDoorbell, beforeGuest);
  try {
    const runtime = await runtimes.at(order.runtimeUrl);
    if (order.landlock) bindToMounts(order);
    const exit = await runOnHost(runtime, order.task, host, doom);
    return doom.doomed instanceof StopSignal ? { kind: 'stopped' } : exit;
  } catch (error) {
    return doom.doomed instanceof StopSignal ? { kind: 'stopped' } : { kind: 'failed', message: messageOf(error) };
  } finally {
    Atomics.store(control, controlWord.ended, 1);
  }
}

/** The second wall around what a guest can open (core/guest/landlock); not there on kernels without it. */
function bindToMounts({ mounts, runtimeUrl, task: { glue } }: GuestOrder): void {
  const version = landlockVersion();
  if (version === 0) return;
  const code = [runtimeUrl, ...(glue === undefined ? [] : [glue])].map((url) => path.dirname(fileURLToPath(url)));
  restrictThread(landlockRules(mounts, [installation, ...code], version));
}

/** The guest ended by itself, within its limits, and nothing that the thread counts is left of it. */
function isClean({ control }: GuestOrder, end: GuestExit | AdapterFailure): boolean {
  if (end.kind !== 'exit' && end.kind !== 'trap') return false;
  if (Atomics.load(new Int32Array(control), controlWord.descriptors) !== 0) return false;
  const { used_heap_size: used, heap_size_limit: limit } = process.getBuiltinModule('node:v8').getHeapStatistics();
  return used <= limit * usableHeap;
}

function memoryOf({ control }: GuestOrder): number {
  return Atomics.load(new Int32Array(control), controlWord.memoryKibibytes);
}

/** The runtimes that the thread has loaded. Importing again what is there costs a tenth of a millisecond. */
class Runtimes {
  readonly #loaded = new Map<string, RuntimeThread>();
  readonly #load: LoadRuntime;

  constructor(load: LoadRuntime) {
    this.#load = load;
  }

  async at(url: string): Promise<RuntimeThread> {
    const runtime = this.#loaded.get(url) ?? (await this.#load(url));
    this.#loaded.set(url, runtime);
    return runtime;
  }
}

/** What ended guests leave for the garbage collector: the linear memory that nobody refers to any more. */
class Remains {
  #kibibytes = 0;
  #guests = 0;
  #timer: NodeJS.Timeout | undefined;

  guestComes(): void {
    clearTimeout(this.#timer);
  }

  guestLeft(kibibytes: number): void {
    this.#kibibytes += kibibytes;
    this.#guests += 1;
    if (this.#kibibytes >= garbageKibibytes || this.#guests >= garbageGuests) this.#collect();
    else this.#timer = setTimeout(() => this.#collect(), idleMilliseconds);
  }

  #collect(): void {
    this.#kibibytes = 0;
    this.#guests = 0;
    collectGarbage();
  }
}
