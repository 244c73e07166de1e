import { clockFunctions } from '../../../core/guest/preview1/clock-functions.ts';
import { errno } from '../../../core/guest/preview1/errno.ts';
import { syscall } from '../../../core/guest/preview1/syscall.ts';
import type { WasiContext, WasiFunctions } from '../wasi-context.ts';

const encoder = new TextEncoder();

/** Arguments, environment, clocks, random numbers and the end. */
export function processFunctions({ task, host, memory }: WasiContext): WasiFunctions {
  // Encoded at each call: a guest asks once, and what it was given is not kept twice.
  const args = (): readonly Uint8Array[] => task.argv.map((argument) => encoder.encode(`${argument}\0`));
  const environment = (): readonly Uint8Array[] => task.env.map(([name, value]) => encoder.encode(`${name}=${value}\0`));

  const sizes = (encode: () => readonly Uint8Array[]) => (count: number, size: number): number => {
    const strings = encode();
    memory.setU32(count, strings.length);
    memory.setU32(size, strings.reduce((sum, string) => sum + string.length, 0));
    return errno.SUCCESS;
  };
  const contents = (encode: () => readonly Uint8Array[]) => (pointers: number, buffer: number): number => {
    let [pointer, at] = [pointers >>> 0, buffer >>> 0];
    for (const string of encode()) {
      memory.setU32(pointer, at);
      memory.bytes(at, string.length).set(string);
      pointer += 4;
      at += string.length;
    }
    return errno.SUCCESS;
  };

  return {
    args_get: syscall(host, contents(args)),
    args_sizes_get: syscall(host, sizes(args)),
    environ_get: syscall(host, contents(environment)),
    environ_sizes_get: syscall(host, sizes(environment)),
    ...clockFunctions(host, memory),
    random_get: syscall(host, (buffer: number, length: number) => {
      host.random(memory.bytes(buffer, length));
      return errno.SUCCESS;
    }),
    sched_yield: syscall(host, () => errno.SUCCESS),
    // A guest has no signals to raise.
    proc_raise: syscall(host, () => errno.ENOTSUP),
    proc_exit: syscall(host, (code: number) => host.exit(code >>> 0)),
  };
}
