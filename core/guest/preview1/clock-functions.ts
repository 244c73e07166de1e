import { FileError } from '../files/file-error.ts';
import type { GuestHost } from '../host.ts';
import { errno } from './errno.ts';
import type { GuestMemory } from './guest-memory.ts';
import { syscall } from './syscall.ts';

const [realtime, monotonic, processCpu, threadCpu] = [0, 1, 2, 3];

/** `clock_time_get` and `clock_res_get`, on the clocks by which `poll_oneoff` waits: an implementation's own may count from elsewhere. */
export function clockFunctions(host: GuestHost, memory: GuestMemory): Record<string, WebAssembly.ImportValue> {
  const { clock } = host;
  return {
    clock_time_get: syscall(host, (id: number, _precision: bigint, result: number) => {
      if (id === monotonic) memory.setU64(result, clock.monotonic());
      else if (id === realtime) memory.setU64(result, clock.realtime());
      // The process is one thread.
      else if (id === processCpu || id === threadCpu) memory.setU64(result, clock.cpu());
      else throw new FileError('EINVAL');
      return errno.SUCCESS;
    }),
    clock_res_get: syscall(host, (id: number, result: number) => {
      if (id >>> 0 > threadCpu) throw new FileError('EINVAL');
      memory.setU64(result, clock.resolution);
      return errno.SUCCESS;
    }),
  };
}
