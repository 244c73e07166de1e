import assert from 'node:assert/strict';
import type { GuestExit, RuntimeThread } from '../../../core/api/runtime.ts';
import { errno } from '../../../core/guest/preview1/errno.ts';
import { TestGuestHost } from '../../support/guest-host.ts';
import type { TestGuestOptions } from '../../support/guest-host.ts';
import { wat } from '../../support/wat.ts';
import { signatures } from './signatures.ts';
import type { Preview1Function } from './signatures.ts';

export type Errno = keyof typeof errno;

/** Import modules that hold the functions of preview 1: today's snapshot and the one of 2019. */
export type Snapshot = 'wasi_snapshot_preview1' | 'wasi_unstable';

export interface CallerOptions extends TestGuestOptions {
  readonly argv?: readonly string[];
  readonly env?: readonly (readonly [string, string])[];
  readonly snapshot?: Snapshot;
}

const names = Object.fromEntries(Object.entries(errno).map(([name, number]) => [number, name as Errno]));
const modules = new Map<Snapshot, WebAssembly.Module>();

/**
 * A guest that a test drives call by call. Each goes from Wasm to the runtime as a program's would: the module imports every
 * function of preview 1 and exports each as it is called from Wasm; the suite's host runs the script in place of `_start`.
 */
export class Caller {
  readonly host: TestGuestHost;
  readonly #instance: WebAssembly.Instance;
  readonly #shared: boolean;
  #next = 1024;

  constructor(host: TestGuestHost, instance: WebAssembly.Instance, shared: boolean) {
    this.host = host;
    this.#instance = instance;
    this.#shared = shared;
  }

  get memory(): WebAssembly.Memory {
    return this.#instance.exports.memory as WebAssembly.Memory;
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  /** Memory of the guest, zeroed, aligned to 8. */
  room(bytes: number): number {
    const at = this.#next;
    this.#next = (at + bytes + 7) & ~7;
    assert.ok(this.#next <= this.memory.buffer.byteLength, 'the test guest has no more memory');
    return at;
  }

  bytes(at: number, length: number): Buffer {
    return Buffer.from(new Uint8Array(this.memory.buffer, at, length));
  }

  /** Text in the guest's memory, as pointer and length: the way preview 1 passes paths. */
  text(text: string | Uint8Array): [number, number] {
    const bytes = Buffer.from(text as string);
    const at = this.room(bytes.length);
    new Uint8Array(this.memory.buffer).set(bytes, at);
    return [at, bytes.length];
  }

  /** iovecs that name memory of those lengths, or hold those texts; as pointer and count. */
  vectors(...pieces: readonly (number | string)[]): [number, number] {
    const at = this.room(8 * pieces.length);
    pieces.forEach((piece, index) => {
      const [pointer, length] = typeof piece === 'string' ? this.text(piece) : [this.room(piece), piece];
      this.view.setUint32(at + 8 * index, pointer, true);
      this.view.setUint32(at + 8 * index + 4, length, true);
    });
    return [at, pieces.length];
  }

  /** Calls a function and answers its errno by name. */
  async call(name: Preview1Function, ...args: readonly (number | bigint)[]): Promise<Errno> {
    const exported = this.#instance.exports[name] as (...args: unknown[]) => number;
    const act = this.#shared ? (WebAssembly.promising(exported) as (...args: unknown[]) => Promise<number>) : exported;
    const answer = await act(...args);
    return names[answer] ?? assert.fail(`${name} answered ${answer}`);
  }

  /** Calls a function that is to succeed. */
  async succeed(name: Preview1Function, ...args: readonly (number | bigint)[]): Promise<void> {
    assert.equal(await this.call(name, ...args), 'SUCCESS', name);
  }

  /** Calls a function that succeeds and writes a u32, which is answered. `args` are without the pointer, which comes last. */
  async u32(name: Preview1Function, ...args: readonly (number | bigint)[]): Promise<number> {
    const result = this.room(4);
    await this.succeed(name, ...args, result);
    return this.view.getUint32(result, true);
  }

  /** As `u32`, for a u64. */
  async u64(name: Preview1Function, ...args: readonly (number | bigint)[]): Promise<bigint> {
    const result = this.room(8);
    await this.succeed(name, ...args, result);
    return this.view.getBigUint64(result, true);
  }
}

/** Runs `script` as a guest of a runtime and answers how it ended. */
export async function withCaller(runtime: RuntimeThread, options: CallerOptions, script: (guest: Caller) => Promise<void>): Promise<{ exit: GuestExit; host: TestGuestHost }> {
  const { isolation = 'dedicated', argv = ['caller'], env = [], tty = false, snapshot = 'wasi_snapshot_preview1' } = options;
  const host = new TestGuestHost(options);
  let instance: WebAssembly.Instance | undefined;
  const instantiate = host.instantiate.bind(host);
  Object.assign(host, {
    instantiate: (module: WebAssembly.Module, imports: WebAssembly.Imports) => (instance = instantiate(module, imports)),
  });
  let failure: unknown;
  Object.assign(host.blocker, {
    enter: () => async () => {
      const guest = new Caller(host, instance as WebAssembly.Instance, isolation === 'shared');
      try {
        await script(guest);
      } catch (error) {
        if (error instanceof assert.AssertionError) failure = error;
        else throw error;
      }
    },
  });
  // A suspended guest alone does not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  try {
    const exit = await runtime.start({ containerId: 'test', argv, env, cwd: '/', isolation, tty, modules: { main: moduleFor(snapshot) } }, host);
    if (failure !== undefined) throw failure;
    return { exit, host };
  } finally {
    clearInterval(alive);
  }
}

function moduleFor(snapshot: Snapshot): WebAssembly.Module {
  const known = modules.get(snapshot);
  if (known !== undefined) return known;
  const module = new WebAssembly.Module(wat(callerText(snapshot)));
  modules.set(snapshot, module);
  return module;
}

function callerText(snapshot: Snapshot): string {
  const functions = Object.entries(signatures).filter(([name]) => snapshot === 'wasi_snapshot_preview1' || name !== 'sock_accept');
  const lines = functions.map(([name, kinds]) => {
    const types = [...kinds].map((kind) => (kind === 'i' ? 'i32' : 'i64'));
    const parameters = types.length === 0 ? '' : `(param ${types.join(' ')})`;
    const result = name === 'proc_exit' ? '' : '(result i32)';
    const values = types.map((_, index) => `(local.get ${index})`).join(' ');
    return {
      imported: `(import "${snapshot}" "${name}" (func $${name} ${parameters} ${result}))`,
      exported: `(func (export "${name}") ${parameters} (result i32) (call $${name} ${values}) ${name === 'proc_exit' ? '(unreachable)' : ''})`,
    };
  });
  return `(module ${lines.map(({ imported }) => imported).join('\n')} (memory (export "memory") 4) (func (export "_start")) ${lines.map(({ exported }) => exported).join('\n')})`;
}
