import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const files = ['package.json', 'package-lock.json', '.npmrc'];

/**
 * The node_modules of this folder's package.json, installed in the user's cache by its lockfile, once for each lockfile. They
 * are large, so that `npm ci` of the repository leaves them out. A string of words instead: why they are not to be had.
 */
export async function installProgramPackages(): Promise<{ readonly modules: string } | { readonly missing: string }> {
  const lock = createHash('sha256').update(readFileSync(path.join(import.meta.dirname, 'package-lock.json'))).digest('hex').slice(0, 16);
  const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'wasmlet-test-programs');
  const installed = path.join(cache, lock);
  if (existsSync(installed)) return { modules: path.join(installed, 'node_modules') };
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(path.join(cache, 'installing-'));
  try {
    for (const file of files) cpSync(path.join(import.meta.dirname, file), path.join(scratch, file));
    await execute('npm', ['ci', '--ignore-scripts'], { cwd: scratch, timeout: 240_000 });
    // Two runs at once may both have installed; the second finds the first one's.
    if (!existsSync(installed)) renameSync(scratch, installed);
    return { modules: path.join(installed, 'node_modules') };
  } catch (error) {
    return { missing: `the program packages cannot be installed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}` };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
