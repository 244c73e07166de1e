import { setFlagsFromString } from 'node:v8';
import { messageOf, WasmletError } from '../../api/errors.ts';

/** @throws WasmletError `MODULE_MALFORMED` */
export async function compileModule(bytes: Uint8Array): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new WasmletError('MODULE_MALFORMED', messageOf(error), { cause: error });
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
