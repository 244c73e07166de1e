/**
 * Shared memory of which only what is written to takes any. V8 zeroes an ordinary buffer of that size, in 60 µs for 128 KiB, all of it
 * resident; of one that could grow it reserves the addresses. Views of it must be given their length, or they look it up at each access.
 */
export function reserveShared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes, { maxByteLength: bytes });
}
