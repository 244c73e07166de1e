import { createReadStream, createWriteStream } from 'node:fs';
import { access, chmod, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { removeFile } from '../remove-file.ts';

/**
 * Renames a log to `<file>.YYYYMMDD-HHMMSS` (upstream's container_log_manager.go). False when that name is taken, by a
 * rotation in the same second: the caller goes on with the file as it is.
 */
export async function setLogAside(file: string, now: number): Promise<boolean> {
  const stamp = new Date(now).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const target = `${file}.${stamp}`;
  const taken = await Promise.all([target, `${target}.gz`].map((name) => access(name).then(() => true, () => false)));
  if (taken.includes(true)) return false;
  await rename(file, target);
  return true;
}

/** Rotated parts of a log, oldest first; `.tmp` leftovers are not among them. */
export async function rotatedLogs(file: string): Promise<string[]> {
  const directory = path.dirname(file);
  const prefix = `${path.basename(file)}.`;
  const names = await readdir(directory);
  return names
    .filter((name) => name.startsWith(prefix) && /^\d{8}-\d{6}(\.gz)?$/.test(name.slice(prefix.length)))
    .sort()
    .map((name) => path.join(directory, name));
}

/** Compresses all rotated parts but the newest, which log shippers may still read, and deletes the oldest beyond `keep`. */
export async function tidyRotatedLogs(file: string, keep: number): Promise<void> {
  const parts = await rotatedLogs(file);
  const surplus = Math.max(0, parts.length - keep);
  for (const part of parts.slice(0, surplus)) await removeFile(part);
  for (const part of parts.slice(surplus, -1)) {
    if (part.endsWith('.gz')) continue;
    const temporary = `${part}.tmp`;
    await pipeline(createReadStream(part), createGzip(), createWriteStream(temporary, { mode: 0o640 }));
    await chmod(temporary, 0o640);
    await rename(temporary, `${part}.gz`);
    await removeFile(part);
  }
}

/** Deletes a log with all its rotated parts. */
export async function removeLogs(file: string): Promise<void> {
  const parts = await rotatedLogs(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const part of [file, ...parts, ...parts.map((part) => `${part}.tmp`)]) await removeFile(part);
}
