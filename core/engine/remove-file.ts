import { unlink } from 'node:fs/promises';

/** One call, of which a missing file is no failure; `rm` with `force` makes two. */
export async function removeFile(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
