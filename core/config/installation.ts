import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { WasmletError } from '../api/errors.ts';

/** What bin/wasmlet.js knows about itself. */
export interface Invocation {
  /** Directory of package.json. */
  readonly root: string;
  /** `source`: a checkout that runs unbuilt; `release`: the bundle in dist/. */
  readonly form: 'source' | 'release';
  readonly version: string;
  /** Where V8's compile cache lives; threads turn it on themselves. */
  readonly compileCache?: string;
}

/** Where the parts of this installation lie. */
export interface Installation extends Invocation {
  readonly threadEntry: URL;
  /** Directories that each hold a plugin.json. */
  readonly plugins: readonly string[];
  readonly examples: string;
}

export function locate(invocation: Invocation): Installation {
  const { root, form } = invocation;
  const code = form === 'source' ? root : path.join(root, 'dist');
  const rooms = form === 'source' ? ['runtimes', 'plugins'] : ['plugins'];
  return {
    ...invocation,
    threadEntry: pathToFileURL(form === 'source' ? path.join(root, 'core/engine/threads/thread-entry.js') : path.join(code, 'thread-entry.cjs')),
    plugins: findPlugins(rooms.map((room) => path.join(code, room))),
    examples: path.join(root, 'examples'),
  };
}

/** Plugin directories: each named one that holds a plugin.json itself, or else those of its subdirectories that do. */
export function findPlugins(named: readonly string[]): string[] {
  return named.flatMap((name) => {
    const directory = path.resolve(name);
    if (isPlugin(directory)) return [directory];
    if (!existsSync(directory)) throw new WasmletError('CONFIG_INVALID', `there is no plugin directory ${name}`);
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.join(directory, entry.name))
      .filter(isPlugin)
      .sort();
  });
}

function isPlugin(directory: string): boolean {
  return existsSync(path.join(directory, 'plugin.json'));
}
