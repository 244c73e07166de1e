/**
 * Every host function of preview 1 with arguments that lie, on the runtimes that offer them: whatever they are, the answer is
 * an errno or the guest's end, and no memory changes but what the function may write.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { GuestTask, RuntimeThread } from '../../core/api/runtime.ts';
import { isExitSignal } from '../../core/guest/ending/exit.ts';
import type { Blocked, GuestHost } from '../../core/guest/host.ts';
import { errno } from '../../core/guest/preview1/errno.ts';
import { TestGuestHost } from '../support/guest-host.ts';
import { wat } from '../support/wat.ts';
import { runtimeClasses } from './support/runtime-classes.ts';

/** What a function may write, by its arguments (`a` and so on): [pointer, bytes]; `vectors`: what iovecs name. */
interface Signature {
  /** `i` an i32, `l` an i64. */
  readonly parameters: string;
  readonly writes?: (args: readonly number[]) => readonly (readonly [pointer: number, bytes: number])[];
  /** Arguments that hold iovecs and their number, when what they name is written. */
  readonly vectors?: readonly [pointer: number, count: number];
}

/** More than the arguments and the environment of the test's guest take. */
const strings = 128;

const signatures: Readonly<Record<string, Signature>> = {
  args_get: { parameters: 'ii', writes: ([a, b]) => [[a!, strings], [b!, strings]] },
  args_sizes_get: { parameters: 'ii', writes: ([a, b]) => [[a!, 4], [b!, 4]] },
  environ_get: { parameters: 'ii', writes: ([a, b]) => [[a!, strings], [b!, strings]] },
  environ_sizes_get: { parameters: 'ii', writes: ([a, b]) => [[a!, 4], [b!, 4]] },
  clock_res_get: { parameters: 'ii', writes: ([, b]) => [[b!, 8]] },
  clock_time_get: { parameters: 'ili', writes: ([, , c]) => [[c!, 8]] },
  fd_advise: { parameters: 'illi' },
  fd_allocate: { parameters: 'ill' },
  fd_close: { parameters: 'i' },
  fd_datasync: { parameters: 'i' },
  fd_fdstat_get: { parameters: 'ii', writes: ([, b]) => [[b!, 24]] },
  fd_fdstat_set_flags: { parameters: 'ii' },
  fd_fdstat_set_rights: { parameters: 'ill' },
  fd_filestat_get: { parameters: 'ii', writes: ([, b]) => [[b!, 64]] },
  fd_filestat_set_size: { parameters: 'il' },
  fd_filestat_set_times: { parameters: 'illi' },
  fd_pread: { parameters: 'iiili', writes: ([, , , , e]) => [[e!, 4]], vectors: [1, 2] },
  fd_prestat_get: { parameters: 'ii', writes: ([, b]) => [[b!, 8]] },
  fd_prestat_dir_name: { parameters: 'iii', writes: ([, b, c]) => [[b!, c!]] },
  fd_pwrite: { parameters: 'iiili', writes: ([, , , , e]) => [[e!, 4]] },
  fd_read: { parameters: 'iiii', writes: ([, , , d]) => [[d!, 4]], vectors: [1, 2] },
  fd_readdir: { parameters: 'iiili', writes: ([, b, c, , e]) => [[b!, c!], [e!, 4]] },
  fd_renumber: { parameters: 'ii' },
  fd_seek: { parameters: 'ilii', writes: ([, , , d]) => [[d!, 8]] },
  fd_sync: { parameters: 'i' },
  fd_tell: { parameters: 'ii', writes: ([, b]) => [[b!, 8]] },
  fd_write: { parameters: 'iiii', writes: ([, , , d]) => [[d!, 4]] },
  path_create_directory: { parameters: 'iii' },
  path_filestat_get: { parameters: 'iiiii', writes: ([, , , , e]) => [[e!, 64]] },
  path_filestat_set_times: { parameters: 'iiiilli' },
  path_link: { parameters: 'iiiiiii' },
  path_open: { parameters: 'iiiiillii', writes: (args) => [[args[8]!, 4]] },
  path_readlink: { parameters: 'iiiiii', writes: ([, , , d, e, f]) => [[d!, e!], [f!, 4]] },
  path_remove_directory: { parameters: 'iii' },
  path_rename: { parameters: 'iiiiii' },
  path_symlink: { parameters: 'iiiii' },
  path_unlink_file: { parameters: 'iii' },
  poll_oneoff: { parameters: 'iiii', writes: ([, b, c, d]) => [[b!, c! * 32], [d!, 4]] },
  proc_exit: { parameters: 'i' },
  proc_raise: { parameters: 'i' },
  random_get: { parameters: 'ii', writes: ([a, b]) => [[a!, b!]] },
  sched_yield: { parameters: '' },
  sock_accept: { parameters: 'iii', writes: ([, , c]) => [[c!, 4]] },
  sock_recv: { parameters: 'iiiiii', writes: ([, , , , e, f]) => [[e!, 4], [f!, 2]], vectors: [1, 2] },
  sock_send: { parameters: 'iiiii', writes: ([, , , , e]) => [[e!, 4]] },
  sock_shutdown: { parameters: 'ii' },
};

/** `@wasmer/wasi` has no `sock_accept`. */
const namesFor = (runtime: string): string[] => Object.keys(signatures).filter((name) => runtime !== 'wasmer' || name !== 'sock_accept');

const program = (names: readonly string[]): Uint8Array => wat(`(module
  ${names.map((name) => `(import "wasi_snapshot_preview1" "${name}" (func ${[...signatures[name]!.parameters].map((kind) => `(param ${kind === 'i' ? 'i32' : 'i64'})`).join('')} ${name === 'proc_exit' ? '' : '(result i32)'}))`).join('\n')}
  (memory (export "memory") 1 2) (func (export "_start")))`);

type Call = readonly [name: string, args: readonly (number | bigint)[]];
type Functions = Readonly<Record<string, (...args: readonly (number | bigint)[]) => unknown>>;

const pointer = fc.oneof(fc.integer({ min: 0, max: 512 }), fc.integer({ min: 0, max: 65_536 }), fc.constantFrom(65_528, 65_532, 65_535, 65_536, 131_068, 131_072, -1, -4, -65_536, 2 ** 31 - 1, -(2 ** 31)));
const small = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 64 }));
const number = fc.oneof(small, pointer, fc.integer());
const long = fc.oneof(fc.bigInt({ min: 0n, max: 100n }), fc.constantFrom(-1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 32n, 0x1fff_ffffn), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));

const callsOf = (names: readonly string[]): fc.Arbitrary<Call> => fc.constantFrom(...names).chain((name) =>
  fc.tuple(fc.constant(name), fc.tuple(...[...signatures[name]!.parameters].map((kind): fc.Arbitrary<number | bigint> => (kind === 'i' ? number : long)))));

/** What memory begins with: names of the volume, iovecs and subscriptions that make sense, and noise. */
const contents = fc.tuple(fc.constantFrom('a', 'b', 'link', 'sub', 'sub/c', '../x', 'new', '.'), fc.uint8Array({ minLength: 64, maxLength: 256 }), fc.array(pointer, { minLength: 8, maxLength: 32 })).map(([name, noise, words]) => {
  const bytes = new Uint8Array(4096);
  for (let at = 0; at < 2048; at += noise.length) bytes.set(noise.subarray(0, 2048 - at), at);
  new Int32Array(bytes.buffer, 2048, words.length).set(words);
  for (let at = 0; at < 64; at += name.length) bytes.set(Buffer.from(name).subarray(0, 64 - at), at);
  return bytes;
});

for (const { runtime } of runtimeClasses.filter(({ kind, isolation }) => kind === 'module' && isolation === 'dedicated')) {
  describe(`arguments that lie, on ${runtime}`, () => {
    const strict = runtime !== 'wasmer';
    const names = namesFor(runtime);
    let directory: string;
    before(() => {
      directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-lies-'));
      mkdirSync(path.join(directory, 'sub'));
      for (const name of ['a', 'b', 'sub/c']) writeFileSync(path.join(directory, name), 'text');
      symlinkSync('a', path.join(directory, 'link'));
    });
    after(() => rmSync(directory, { recursive: true, force: true }));

    it('are answered by an errno or the end, and nothing is written where nothing may be', async () => {
      const module = new WebAssembly.Module(program(names).slice());
      await fc.assert(fc.asyncProperty(fc.array(callsOf(names), { maxLength: 20 }), contents, (calls, bytes) =>
        withFunctions(runtime, module, directory, (functions, memory) => {
          new Uint8Array(memory.buffer).fill(0xa5).set(bytes);
          for (const call of calls) if (!answered(functions, call, memory, strict)) return;
        })), { numRuns: strict ? 1000 : 30 });
    });

    it('are answered before there is a memory, as in a start section', async () => {
      const early: string[] = [];
      await withFunctions(runtime, new WebAssembly.Module(program(names).slice()), directory, () => {}, (functions) => {
        for (const name of names) {
          const args = [...signatures[name]!.parameters].map((kind) => (kind === 'i' ? 3 : 3n));
          try {
            const answer = functions[name]!(...args);
            if (typeof answer !== 'number') early.push(`${name}: ${String(answer)}`);
          } catch (error) {
            if (!isExitSignal(error) && strict) early.push(`${name}: ${String(error)}`);
          }
        }
      });
      assert.deepEqual(early, []);
    });
  });
}

/** Makes one call. False: the guest has ended, or the runtime has panicked, and is not to be called again. */
function answered(functions: Functions, [name, args]: Call, memory: WebAssembly.Memory, strict: boolean): boolean {
  const before = Buffer.from(new Uint8Array(memory.buffer));
  const allowed = allowedWrites(name, args, before);
  try {
    const answer = functions[name]!(...args);
    assert.ok(Number.isInteger(answer) && (answer as number) >= 0 && (answer as number) <= errno.ENOTCAPABLE, `${name}: ${String(answer)}`);
  } catch (error) {
    if (!strict && error instanceof WebAssembly.RuntimeError) return false;
    if (name !== 'proc_exit' || !isExitSignal(error)) throw error;
    return false;
  }
  if (!strict) return true;
  const now = Buffer.from(memory.buffer);
  for (const [start, end] of allowed) before.copy(now, start, start, end);
  if (!now.equals(before)) {
    const at = now.findIndex((byte, index) => byte !== before[index]);
    assert.fail(`${name} has written at ${at}`);
  }
  return true;
}

/** Stretches of memory that a call may change. */
function allowedWrites(name: string, args: readonly (number | bigint)[], memory: Buffer): [start: number, end: number][] {
  const { writes, vectors } = signatures[name]!;
  const plain = args.map((value) => (typeof value === 'bigint' ? 0 : value >>> 0));
  const allowed: [number, number][] = (writes?.(plain) ?? []).map(([start, bytes]) => [start, start + bytes]);
  if (vectors !== undefined) {
    const [at, count] = [plain[vectors[0]]!, plain[vectors[1]]!];
    for (let index = 0; index < Math.min(count, 1024) && at + 8 * index + 8 <= memory.length; index++) {
      const start = memory.readUInt32LE(at + 8 * index);
      allowed.push([start, start + memory.readUInt32LE(at + 8 * index + 4)]);
    }
  }
  return allowed.map(([start, end]) => [Math.min(start, memory.length), Math.min(end, memory.length)]);
}

/** Starts a runtime as its thread does and works on its functions in place of the guest. */
async function withFunctions(runtime: string, main: WebAssembly.Module, directory: string, act: (functions: Functions, memory: WebAssembly.Memory) => void, early: (functions: Functions) => void = () => {}): Promise<void> {
  let functions: Functions | undefined;
  let memory: WebAssembly.Memory | undefined;
  const blocker: GuestHost['blocker'] = {
    // What would wait is as good as answered.
    wrap: (act) => (...args: Parameters<typeof act>) => {
      const answer: number | Blocked = act(...args);
      return typeof answer === 'number' ? answer : errno.SUCCESS;
    },
    wake() {},
    waitNow() {},
    waitLater: async () => {},
    enter: () => () => act(functions!, memory!),
  };
  const plain = new TestGuestHost({ mounts: [{ guestPath: '/', hostPath: directory, readOnly: false }], stdin: 'input' });
  const host = Object.assign(plain, {
    blocker,
    instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports) {
      functions = imports['wasi_snapshot_preview1'] as unknown as Functions;
      early(functions);
      const instance = new WebAssembly.Instance(module, imports);
      memory = instance.exports['memory'] as WebAssembly.Memory;
      return instance;
    },
  });
  const thread = (await import(`../../runtimes/${runtime}/thread.ts`)) as RuntimeThread;
  const task: GuestTask = { containerId: 'test', argv: ['program', 'argument'], env: [['NAME', 'value']], cwd: '/', isolation: 'dedicated', tty: false, modules: { main } };
  const exit = await thread.start(task, host);
  assert.equal(exit.kind, 'exit', JSON.stringify(exit));
}
