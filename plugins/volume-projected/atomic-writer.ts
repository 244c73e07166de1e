import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { VolumeFile } from '../../core/api/volume.ts';

const dataLink = '..data';
const nextDataLink = '..data_tmp';

/**
 * Projects files into a directory so that a reader sees the old set or the new one, never a mixture
 * (pkg/volume/util/atomic_writer.go):
 *
 *     <directory>/..2026_11_24_15_04_05.1f3a…/a/b   the files
 *     <directory>/..data → ..2026_11_24_15_04_05.1f3a…   swapped by one rename(2)
 *     <directory>/a → ..data/a                       what users see
 *
 * Paths are VolumeFile's: relative, no `..`, no conflict.
 */
export class AtomicWriter {
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Writes only what differs from the disk, in content or mode. Also mends what a crash left half done. */
  async write(directory: string, files: readonly VolumeFile[]): Promise<void> {
    const wanted = new Map(files.map((file) => [file.path, file]));
    const current = await readlink(path.join(directory, dataLink)).catch(ifMissing);
    if (current === undefined || !(await holds(path.join(directory, current), wanted))) await this.#swap(directory, wanted);
    await this.#link(directory, new Set(files.map((file) => topName(file.path))));
  }

  async #swap(directory: string, files: ReadonlyMap<string, VolumeFile>): Promise<void> {
    const name = `..${stamp(this.#now())}.${randomBytes(5).toString('hex')}`;
    const fresh = path.join(directory, name);
    await mkdir(fresh, { mode: 0o755 });
    for (const { path: file, content, mode } of files.values()) {
      const target = path.join(fresh, file);
      await mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
      await writeFile(target, content, { mode: 0o600, flag: 'wx' });
      // Not left to the umask, and before anybody can see it.
      await chmod(target, mode);
    }
    const next = path.join(directory, nextDataLink);
    await rm(next, { force: true });
    await symlink(name, next);
    await rename(next, path.join(directory, dataLink));
  }

  /** One link for each top-level name; what is no longer in the set goes, older data directories too. */
  async #link(directory: string, names: ReadonlySet<string>): Promise<void> {
    const current = await readlink(path.join(directory, dataLink));
    const present = new Set(await readdir(directory));
    for (const name of names) if (!present.has(name)) await symlink(path.join(dataLink, name), path.join(directory, name));
    for (const name of present) {
      if (names.has(name) || name === dataLink || name === current) continue;
      await rm(path.join(directory, name), { recursive: true, force: true });
    }
  }
}

/** True when the directory holds exactly these files, with these contents and modes. */
async function holds(directory: string, files: ReadonlyMap<string, VolumeFile>): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(ifMissing);
  const found = entries?.filter((entry) => !entry.isDirectory()).map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)));
  if (found?.length !== files.size) return false;
  for (const name of found) {
    const file = files.get(name);
    const target = path.join(directory, name);
    if (!file || ((await lstat(target)).mode & 0o7777) !== file.mode || !(await readFile(target)).equals(file.content)) return false;
  }
  return true;
}

function topName(file: string): string {
  return file.split('/', 1)[0]!;
}

/** Upstream's layout of the time, in UTC: `2026_11_24_15_04_05`. */
function stamp(time: Date): string {
  return time.toISOString().slice(0, 19).replace(/[-T:]/g, '_');
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
