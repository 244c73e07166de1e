import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
 * Paths are VolumeFile's: relative, no `..`, no conflict. The files are small and go into memory: some thirty calls of 5 µs, in
 * place, of which each would take 100 by way of the thread pool while a pod's start waits for them.
 */
export class AtomicWriter {
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Writes only what differs from the disk, in content or mode. Also mends what a crash left half done. */
  write(directory: string, files: readonly VolumeFile[]): void {
    const wanted = new Map(files.map((file) => [file.path, file]));
    const current = unlessMissing(() => readlinkSync(path.join(directory, dataLink)));
    if (current === undefined || !holds(path.join(directory, current), wanted)) this.#swap(directory, wanted);
    this.#link(directory, new Set(files.map((file) => topName(file.path))));
  }

  #swap(directory: string, files: ReadonlyMap<string, VolumeFile>): void {
    const name = `..${stamp(this.#now())}.${randomBytes(5).toString('hex')}`;
    const fresh = path.join(directory, name);
    mkdirSync(fresh, { mode: 0o755 });
    for (const { path: file, content, mode } of files.values()) {
      const target = path.join(fresh, file);
      mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
      writeFileSync(target, content, { mode: 0o600, flag: 'wx' });
      // Not left to the umask, and before anybody can see it.
      chmodSync(target, mode);
    }
    const next = path.join(directory, nextDataLink);
    rmSync(next, { force: true });
    symlinkSync(name, next);
    renameSync(next, path.join(directory, dataLink));
  }

  /** One link for each top-level name; what is no longer in the set goes, older data directories too. */
  #link(directory: string, names: ReadonlySet<string>): void {
    const current = readlinkSync(path.join(directory, dataLink));
    const present = new Set(readdirSync(directory));
    for (const name of names) if (!present.has(name)) symlinkSync(path.join(dataLink, name), path.join(directory, name));
    for (const name of present) {
      if (names.has(name) || name === dataLink || name === current) continue;
      rmSync(path.join(directory, name), { recursive: true, force: true });
    }
  }
}

/** True when the directory holds exactly these files, with these contents and modes. */
function holds(directory: string, files: ReadonlyMap<string, VolumeFile>): boolean {
  const entries = unlessMissing(() => readdirSync(directory, { recursive: true, withFileTypes: true }));
  const found = entries?.filter((entry) => !entry.isDirectory()).map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)));
  if (found?.length !== files.size) return false;
  for (const name of found) {
    const file = files.get(name);
    const target = path.join(directory, name);
    if (!file || (lstatSync(target).mode & 0o7777) !== file.mode || !readFileSync(target).equals(file.content)) return false;
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

/** Undefined when what `read` looks at is not there. */
function unlessMissing<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}
