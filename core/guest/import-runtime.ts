import { fileURLToPath } from 'node:url';
import type { RuntimeThread } from '../api/runtime.ts';
import { ownRuntimes, source } from './installation.ts';

let published = false;

/** The thread module of a runtime. Those outside of this installation can import `wasmlet/api` and `wasmlet/guest`. */
export async function importRuntime(url: string): Promise<RuntimeThread> {
  if (!fileURLToPath(url).startsWith(ownRuntimes)) publish();
  return (await import(url)) as RuntimeThread;
}

/** Every module that is found while there is a hook goes through it: a quarter of what finding and reading a thread's own takes. */
function publish(): void {
  if (published) return;
  published = true;
  const locate = (inSource: string, inBundle: string): string => new URL(source ? inSource : inBundle, import.meta.url).href;
  const modules = new Map([['wasmlet/api', locate('../api/index.ts', 'api.js')], ['wasmlet/guest', locate('index.ts', 'guest.js')]]);
  process.getBuiltinModule('node:module').registerHooks({
    resolve(specifier, context, next) {
      const found = modules.get(specifier);
      return found === undefined ? next(specifier, context) : { url: found, shortCircuit: true };
    },
  });
}
