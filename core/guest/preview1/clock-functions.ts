import { FileError } from '../files/file-error.ts';
import type { GuestHost } from '../host.ts';
import { errno } from './errno.ts';
import type { GuestMemory } from './guest-memory.ts';
import { syscall } from './syscall.ts';

const [realtime, monotonic, processCpu, threadCpu] = [0, 1, 2, 3];

/** `clock_time_get` and `clock_res_get`, on the clocks by which `poll_oneoff` waits: an implementation's own may count from elsewhere. */
export function clockFunctions(host: GuestHost, memory: GuestMemory): Record<string, WebAssembly.ImportValue> {
  const { clock } = host;
  const timeOf = (id: number): bigint => {
    if (id === monotonic) return clock.monotonic();
    if (id === realtime) return clock.realtime();
    // The process is one thread.
    if (id === processCpu || id === threadCpu) return clock.cpu();
    throw new FileError('EINVAL');
  };
  return {
    clock_time_get: syscall(host, (id: number, _precision: bigint, result: number) => {
      memory.setU64(result, timeOf(id));
      return errno.SUCCESS;
    }),
    clock_res_get: syscall(host, (id: number, result: number) => {
      if (id >>> 0 > threadCpu) throw new FileError('EINVAL');
      memory.setU64(result, clock.resolution);
      return errno.SUCCESS;
    }),
  };
}
