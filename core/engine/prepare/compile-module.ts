import { setFlagsFromString } from 'node:v8';
import { messageOf, WasmletError } from '../../api/errors.ts';

/** Longer than any compilation, and the longest that a timer takes. */
const farMilliseconds = 2 ** 31 - 1;

/** @throws WasmletError `MODULE_MALFORMED` */
export async function compileModule(bytes: Uint8Array): Promise<WebAssembly.Module> {
  // V8's own threads do not count among what keeps a process going: one that waits for nothing else would end here.
  const waiting = setTimeout(() => {}, farMilliseconds);
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new WasmletError('MODULE_MALFORMED', messageOf(error), { cause: error });
  } finally {
    clearTimeout(waiting);
  }
}

/** Modules that are being compiled whole. */
let underWay = 0;

/**
 * As `compileModule`, all functions at once. By itself V8 compiles each at its first call, in the thread that calls: all guests
 * of a shared thread would wait, 50 ms for a function of a megabyte. The flag is the process': what else is compiled
 * meanwhile is compiled whole as well, and a thread that starts meanwhile finds no compiled JavaScript in its cache.
 * @throws WasmletError `MODULE_MALFORMED`
 */
export async function compileWholeModule(bytes: Uint8Array): Promise<WebAssembly.Module> {
  if (underWay++ === 0) setFlagsFromString('--no-wasm-lazy-compilation');
  try {
    return await compileModule(bytes);
  } finally {
    if (--underWay === 0) setFlagsFromString('--wasm-lazy-compilation');
  }
}
