/** A GuestHost for tests, in the test's own thread: streams in memory, waits that really wait. */
import { randomFillSync } from 'node:crypto';
import { DedicatedBlocker } from '../../core/guest/dedicated/blocker.ts';
import { createGuestClock } from '../../core/guest/time/clock.ts';
import { PlainDoom } from '../../core/guest/ending/doom.ts';
import type { Doom } from '../../core/guest/ending/doom.ts';
import { ExitSignal } from '../../core/guest/ending/exit.ts';
import { instantiate } from '../../core/guest/instantiate.ts';
import { MemoryBudget } from '../../core/guest/memory/memory-budget.ts';
import { growRefusedExport } from '../../core/wasm/rewrite-module.ts';
import type { GuestClock, GuestHost, GuestListener, GuestMount, Wait } from '../../core/guest/host.ts';
import { SharedBlocker } from '../../core/guest/shared/shared-blocker.ts';
import { testScheduler } from './shared-guests.ts';

/** Nobody asks a guest to yield. */
const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });

export interface TestGuestOptions {
  readonly mounts?: readonly GuestMount[];
  readonly listeners?: readonly GuestListener[];
  readonly descriptors?: number;
  readonly tty?: boolean;
  readonly memoryBytes?: number;
  readonly isolation?: 'dedicated' | 'shared';
  /** What stdin holds; then it is at its end. */
  readonly stdin?: string;
  /** How often a stream is "full" before it takes a record. */
  readonly fullBefore?: number;
  readonly clock?: GuestClock;
  /** Resolves when the guest is asked to end. */
  readonly stop?: Promise<void>;
  readonly onOutput?: (stream: 1 | 2, bytes: Uint8Array) => void;
}

export class TestGuestHost implements GuestHost {
  readonly clock: GuestClock;
  readonly blocker: GuestHost['blocker'];
  readonly stdio: GuestHost['stdio'];
  readonly mounts: readonly GuestMount[];
  readonly listeners: readonly GuestListener[];
  readonly limits: GuestHost['limits'];
  readonly #stop: Promise<void>;
  readonly budget: MemoryBudget;
  /** Records as the guest wrote them. */
  readonly records: { readonly stream: 1 | 2; readonly bytes: Buffer }[] = [];
  touches = 0;
  readonly #doom: Doom;
  memoryBytes = 0;
  descriptors = 0;
  /** What `memoryExhausted` answers. */
  exhausted = false;

  constructor(options: TestGuestOptions = {}) {
    this.clock = options.clock ?? createGuestClock(() => 0);
    const words = new Int32Array(new SharedArrayBuffer(4));
    if (options.isolation === 'shared') {
      const guest = testScheduler().scheduler.admit(0, () => {});
      this.blocker = new SharedBlocker(guest, () => {});
      this.#doom = guest;
    } else {
      this.blocker = new DedicatedBlocker({ wake: { words, index: 0 }, clock: this.clock, onEnter: () => {} });
      this.#doom = new PlainDoom();
    }
    this.budget = new MemoryBudget(options.memoryBytes);
    this.mounts = options.mounts ?? [];
    this.listeners = options.listeners ?? [];
    this.#stop = options.stop ?? new Promise(() => {});
    this.limits = { descriptors: options.descriptors ?? 64, ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }) };
    this.stdio = this.#streams(options);
  }

  get stdout(): string {
    return this.#text(1);
  }

  get stderr(): string {
    return this.#text(2);
  }

  instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Instance {
    return this.budget.instantiate(module, () => instantiate(module, imports, { checks: { epoch, yield: () => 0 }, callStart: (begin) => void begin() })) as WebAssembly.Instance;
  }

  part(): never {
    throw new Error('several instances of a guest need the engine');
  }

  random(target: Uint8Array): void {
    randomFillSync(target);
  }

  exit(code: number): never {
    const signal = new ExitSignal(code);
    this.#doom.doom(signal);
    throw signal;
  }

  touch(): void {
    if (this.#doom.doomed !== undefined) throw this.#doom.doomed;
    this.touches++;
  }

  reportMemory(bytes: number): void {
    this.memoryBytes = bytes;
  }

  reportDescriptors(count: number): void {
    this.descriptors = count;
  }

  nodeHasDescriptors(): boolean {
    return true;
  }

  stopRequested(): Promise<void> {
    return this.#stop;
  }

  memoryExhausted(instances: readonly WebAssembly.Instance[]): boolean {
    const refused = instances.some(({ exports }) => exports[growRefusedExport] instanceof WebAssembly.Global && Number(exports[growRefusedExport].value) > 0);
    return this.exhausted || this.budget.exhausted || refused;
  }

  #streams({ tty = false, stdin = '', fullBefore = 0, onOutput }: TestGuestOptions): GuestHost['stdio'] {
    let input = Buffer.from(stdin);
    let full = fullBefore;
    const write: GuestHost['stdio']['write'] = (stream, bytes): Wait | undefined => {
      if (bytes.length > 65_536) throw new Error(`a record of ${bytes.length} bytes`);
      // Nobody wakes the guest here, so it looks again by itself.
      if (full-- > 0) return { deadline: this.clock.monotonic() + 1_000_000n };
      full = fullBefore;
      if (onOutput === undefined) this.records.push({ stream, bytes: Buffer.from(bytes) });
      else onOutput(stream, bytes);
      return undefined;
    };
    return {
      tty,
      write,
      writeFrom: (stream, source, at, length) => write(stream, new Uint8Array(source.buffer, source.byteOffset + at, length)),
      read: (target) => {
        const count = input.copy(target, 0, 0, target.length);
        input = input.subarray(count);
        return count;
      },
      readable: () => (input.length === 0 ? -1 : input.length),
    };
  }

  #text(stream: 1 | 2): string {
    return Buffer.concat(this.records.filter((record) => record.stream === stream).map((record) => record.bytes)).toString();
  }
}
