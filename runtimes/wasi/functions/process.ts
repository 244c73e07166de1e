import { ExitSignal } from '../../../core/guest/exit.ts';
import { FileError } from '../../../core/guest/files/file-error.ts';
import { errno } from '../../../core/guest/preview1/errno.ts';
import { syscall } from '../../../core/guest/preview1/syscall.ts';
import type { WasiContext, WasiFunctions } from '../wasi-context.ts';

/** Arguments, environment, clocks, random numbers and the end. */
export function processFunctions({ task, host, memory }: WasiContext): WasiFunctions {
  const encoder = new TextEncoder();
  const args = task.argv.map((argument) => encoder.encode(`${argument}\0`));
  const environment = task.env.map(([name, value]) => encoder.encode(`${name}=${value}\0`));

  const sizes = (strings: readonly Uint8Array[]) => {
    const total = strings.reduce((sum, string) => sum + string.length, 0);
    return (count: number, size: number): number => {
      memory.setU32(count, strings.length);
      memory.setU32(size, total);
      return errno.SUCCESS;
    };
  };
  const contents = (strings: readonly Uint8Array[]) => (pointers: number, buffer: number): number => {
    let [pointer, at] = [pointers >>> 0, buffer >>> 0];
    for (const string of strings) {
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
    clock_time_get: syscall(host, (clock: number, _precision: bigint, result: number) => {
      memory.setU64(result, timeOf(clock));
      return errno.SUCCESS;
    }),
    clock_res_get: syscall(host, (clock: number, result: number) => {
      if (clock >>> 0 > 3) throw new FileError('EINVAL');
      memory.setU64(result, host.clock.resolution);
      return errno.SUCCESS;
    }),
    random_get: syscall(host, (buffer: number, length: number) => {
      host.random(memory.bytes(buffer, length));
      return errno.SUCCESS;
    }),
    sched_yield: syscall(host, () => errno.SUCCESS),
    // A guest has no signals to raise.
    proc_raise: syscall(host, () => errno.ENOTSUP),
    proc_exit: syscall(host, (code: number) => {
      throw new ExitSignal(code >>> 0);
    }),
  };

  function timeOf(clock: number): bigint {
    if (clock === 1) return host.clock.monotonic();
    if (clock === 0) return host.clock.realtime();
    // The process is one thread.
    if (clock === 2 || clock === 3) return host.clock.cpu();
    throw new FileError('EINVAL');
  }
}
