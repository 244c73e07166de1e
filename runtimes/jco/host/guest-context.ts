import type { GuestTask } from '../../../core/api/runtime.ts';
import { ExitSignal } from '../../../core/guest/ending/exit.ts';
import type { GuestHost, Wait } from '../../../core/guest/host.ts';
import { trap } from './component-failure.ts';

/** Host interfaces as jco's glue asks for them: by interface without a version, then by function or class in camel case. */
export type HostInterfaces = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What the interfaces of one running component share. */
export class GuestContext {
  readonly task: GuestTask;
  readonly host: GuestHost;
  /**
   * The component was transpiled to be suspended in the functions of WASI 0.2 that wait (JSPI), so that the thread's event
   * loop turns meanwhile: those may answer promises, and everything of the host's that the loop delivers arrives.
   */
  readonly suspends: boolean;
  readonly #instances: WebAssembly.Instance[] = [];
  readonly #left = Promise.withResolvers<void>();
  #exit: ExitSignal | undefined;

  constructor(task: GuestTask, host: GuestHost, suspends = false) {
    this.task = task;
    this.host = host;
    this.suspends = suspends;
  }

  /** True when the guest reached its memory limit: by a `memory.grow` that was refused, or by what it made the host hold. */
  get memoryExhausted(): boolean {
    return this.host.memoryExhausted(this.#instances);
  }

  /** Set once the guest has asked to exit. */
  get exit(): ExitSignal | undefined {
    return this.#exit;
  }

  /** Resolves once the guest has asked to exit. */
  get left(): Promise<void> {
    return this.#left.promise;
  }

  instantiate(module: WebAssembly.Module, imports?: WebAssembly.Imports): WebAssembly.Instance {
    const instance = this.host.instantiate(module, imports ?? {});
    if (instance instanceof Promise) throw new Error('a component cannot be suspended: jco runs on dedicated threads only');
    this.#instances.push(instance);
    this.reportMemory();
    return instance;
  }

  /**
   * To be called by every function of an interface, and by methods that may wait or move many bytes. A guest may catch the
   * exception that ends it; then the next call throws it again.
   */
  called(): void {
    if (this.#exit !== undefined) throw this.#exit;
    this.host.touch();
    this.reportMemory();
    this.hold(0);
  }

  leave(code: number): never {
    this.#exit = new ExitSignal(code);
    this.#left.resolve();
    throw this.#exit;
  }

  /** Waits until `pending` answers undefined: a promise only where the component is suspended meanwhile. */
  waitWhile(pending: () => Wait | undefined): void | Promise<void> {
    const first = pending();
    if (first === undefined) return undefined;
    const { blocker } = this.host;
    if (this.suspends) return this.#waitLater(first, pending);
    for (let wait: Wait | undefined = first; wait !== undefined; wait = pending()) blocker.waitNow(wait);
    return undefined;
  }

  async #waitLater(first: Wait, pending: () => Wait | undefined): Promise<void> {
    for (let wait: Wait | undefined = first; wait !== undefined; wait = pending()) await this.host.blocker.waitLater(wait);
    // The guest may have been ended by another of its calls meanwhile.
    this.called();
  }

  /** Counts what the guest makes the host hold. Traps when that, with the guest's memories, is over its memory limit. */
  hold(bytes: number): void {
    if (!this.host.budget.hold(bytes)) trap('the host holds more for the guest\'s handles and streams than its memory limit leaves');
  }

  /** What `hold` counted, and is no longer held. */
  release(bytes: number): void {
    this.host.budget.release(bytes);
  }

  reportMemory(): void {
    this.host.reportMemory(this.host.budget.bytes);
  }
}
