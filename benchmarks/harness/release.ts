import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

/** wasmlet in its release form, as `npm pack` ships it, outside the checkout: there `bin/wasmlet.js` takes the bundle. */
export interface Release {
  /** `bin/wasmlet.js` */
  readonly executable: string;
  readonly version: string;
  /** For its nodes: a compile cache that is empty at first. */
  readonly environment: Record<string, string>;
  /** Runs a command of it to its end; throws an Error with its output when it fails. */
  command(...args: string[]): Promise<string>;
}

/**
 * Builds the release of this checkout (`npm run build`) and lays it out in a directory.
 *
 * @param directory is created
 * @throws Error with the build's output when it fails
 */
export async function buildRelease(directory: string): Promise<Release> {
  await run(process.execPath, ['build.ts'], { cwd: root });
  await mkdir(directory);
  for (const part of ['bin', 'dist', 'package.json']) await cp(join(root, part), join(directory, part), { recursive: true });
  // What the bundle leaves outside comes from the same installation.
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  const { version } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as { version: string };
  const executable = join(directory, 'bin', 'wasmlet.js');
  const cache = (name: string): Record<string, string> => ({ WASMLET_COMPILE_CACHE: join(directory, 'compile-cache', name) });
  const command = async (...args: string[]): Promise<string> => {
    const { stdout } = await run(process.execPath, [executable, ...args], { env: { ...process.env, ...cache('commands') } });
    return stdout;
  };
  return { executable, version, environment: cache('nodes'), command };
}
