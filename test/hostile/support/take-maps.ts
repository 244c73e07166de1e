/**
 * Preloaded into a node: takes memory maps until the process has only so many left as `WASMLET_MAPS_LEFT` says, of the machine's
 * `WASMLET_MAPS`: `vm.max_map_count` is no process's own, and cannot be lowered for one.
 */
import { isMainThread } from 'node:worker_threads';
import ffi from 'node:ffi';

const page = 4096n;
/** PROT_READ; MAP_PRIVATE, MAP_ANONYMOUS and MAP_NORESERVE. */
const [readable, privateAnonymous] = [1, 0x4022];

if (isMainThread) {
  const taken = BigInt(Number(process.env['WASMLET_MAPS']) - Number(process.env['WASMLET_MAPS_LEFT']));
  const { functions } = ffi.dlopen(null, {
    mmap: { arguments: ['u64', 'u64', 'i32', 'i32', 'i32', 'i64'], return: 'u64' },
    mprotect: { arguments: ['u64', 'u64', 'i32'], return: 'i32' },
  });
  const { mmap, mprotect } = functions as unknown as { mmap(at: bigint, length: bigint, protection: number, flags: number, fd: number, offset: bigint): bigint; mprotect(at: bigint, length: bigint, protection: number): number };
  // Every other page of what nobody may touch becomes readable: two maps each.
  const start = mmap(0n, taken * page, 0, privateAnonymous, -1, 0n);
  for (let at = 1n; at < taken; at += 2n) {
    if (mprotect(start + at * page, page, readable) !== 0) throw new Error(`only ${at} maps could be taken`);
  }
}
