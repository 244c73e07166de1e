import { mkdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * The directory and those above it that are missing; one that is there stays as it is. In place of mkdir's `recursive`, which
 * never returns where nothing can be made although nothing is in the way (below /proc), and holds a thread of Node's pool for ever.
 * @throws the system's error
 */
export async function makeDirectory(directory: string, mode: number): Promise<void> {
  if (await made(directory, mode)) return;
  await makeDirectory(path.dirname(directory), mode);
  await mkdir(directory, { mode }).catch(unlessThere);
}

/** False: the one above it is missing. */
async function made(directory: string, mode: number): Promise<boolean> {
  try {
    await mkdir(directory, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && directory !== path.dirname(directory)) return false;
    unlessThere(error as NodeJS.ErrnoException);
  }
  return true;
}

/** What is there may be no directory: whoever uses it sees that. */
function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
