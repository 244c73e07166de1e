/** Longer requests go to the system at once: what is kept ready is for the many short ones. */
const longest = 256;
const poolBytes = 4096;

let pool: Uint8Array | undefined;
let used = poolBytes;

/**
 * Fills `target` with cryptographically secure random bytes. A call to the system costs two microseconds, whatever its length, so that
 * short requests are served from what one call brought; each byte is given once, and wiped.
 */
export function fillRandom(target: Uint8Array): void {
  if (target.length > longest) return fromSystem(target);
  pool ??= new Uint8Array(poolBytes);
  if (used + target.length > poolBytes) {
    fromSystem(pool);
    used = 0;
  }
  const end = used + target.length;
  for (let from = used, to = 0; from < end; from++, to++) {
    target[to] = pool[from] as number;
    pool[from] = 0;
  }
  used = end;
}

/** Random bytes asked for at once: a native call is not interrupted, and a guest must be ended in the middle of a gigabyte. */
const longestCall = 1024 * 1024;

/** `crypto.getRandomValues` takes 64 KiB at most, `randomFillSync` less than 2 GiB. */
function fromSystem(target: Uint8Array): void {
  // Not imported: loading it costs each thread half a megabyte, and few guests ask.
  const { randomFillSync } = process.getBuiltinModule('node:crypto');
  for (let start = 0; start < target.length; start += longestCall) randomFillSync(target.subarray(start, start + longestCall));
}
