import type { GuestTask } from '../../../core/api/runtime.ts';
import { ExitSignal } from '../../../core/guest/exit.ts';
import type { GuestHost } from '../../../core/guest/host.ts';

/** Host interfaces as jco's glue asks for them: by interface without a version, then by function or class in camel case. */
export type HostInterfaces = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What the interfaces of one running component share. */
export class GuestContext {
  readonly task: GuestTask;
  readonly host: GuestHost;
  readonly #instances: WebAssembly.Instance[] = [];
  /** A module that imports a memory often exports it again: each counts once. */
  readonly #memories = new Set<WebAssembly.Memory>();
  #exit: ExitSignal | undefined;

  constructor(task: GuestTask, host: GuestHost) {
    this.task = task;
    this.host = host;
  }

  get instances(): readonly WebAssembly.Instance[] {
    return this.#instances;
  }

  /** Set once the guest has asked to exit. */
  get exit(): ExitSignal | undefined {
    return this.#exit;
  }

  instantiate(module: WebAssembly.Module, imports?: WebAssembly.Imports): WebAssembly.Instance {
    const instance = this.host.instantiate(module, imports ?? {});
    if (instance instanceof Promise) throw new Error('a component cannot be suspended: jco runs on dedicated threads only');
    this.#instances.push(instance);
    for (const exported of Object.values(instance.exports)) if (exported instanceof WebAssembly.Memory) this.#memories.add(exported);
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
  }

  leave(code: number): never {
    this.#exit = new ExitSignal(code);
    throw this.#exit;
  }

  reportMemory(): void {
    let bytes = 0;
    for (const memory of this.#memories) bytes += memory.buffer.byteLength;
    this.host.reportMemory(bytes);
  }
}
