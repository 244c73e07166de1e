import { lstat, opendir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Bytes on disk below a directory, as `du` counts them; no link is followed, and a file with several names counts once. Stops when it is more than
 * `enough`. What goes while it is looked at counts nothing.
 */
export async function usedBytes(directory: string, enough: number): Promise<number> {
  const seen = new Set<string>();
  const pending = [directory];
  let total = 0;
  for (let next = pending.pop(); next !== undefined && total <= enough; next = pending.pop()) {
    const listing = await unlessGone(opendir(next));
    if (listing === undefined) continue;
    for await (const entry of listing) {
      const name = path.join(next, entry.name);
      const found = await unlessGone(lstat(name));
      if (found === undefined) continue;
      if (entry.isDirectory()) pending.push(name);
      else if (found.nlink > 1) {
        const inode = `${found.dev}:${found.ino}`;
        if (seen.has(inode)) continue;
        seen.add(inode);
      }
      total += found.blocks * 512;
      if (total > enough) break;
    }
  }
  return total;
}

async function unlessGone<Value>(looked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await looked;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
