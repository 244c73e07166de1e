import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { WasmletError } from '../api/errors.ts';

/**
 * One node per root directory. The lock file names its holder by pid and start time (proc(5), stat field 22), so that a holder
 * which was killed, even if its pid is in use again, does not keep the next one out. Throws ROOT_DIRECTORY_IN_USE.
 */
export function lockRootDirectory(root: string): { release(): void } {
  mkdirSync(root, { recursive: true, mode: 0o750 });
  const lock = path.join(root, 'lock');
  const mine = path.join(root, `lock.${process.pid}`);
  const holder = `${process.pid} ${startTime(process.pid)}`;
  writeFileSync(mine, `${holder}\n`, { mode: 0o600 });
  try {
    acquire(root, lock, mine);
  } finally {
    rmSync(mine, { force: true });
  }
  return {
    release() {
      if (read(lock) === holder) unlinkSync(lock);
    },
  };
}

function acquire(root: string, lock: string, mine: string): void {
  for (;;) {
    try {
      linkSync(mine, lock);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = read(lock);
    if (holder === undefined) continue;
    const [pid, started] = holder.split(' ');
    if (startTime(Number(pid)) === started) {
      throw new WasmletError('ROOT_DIRECTORY_IN_USE', `${root} is in use by the wasmlet node with pid ${pid}. Stop it, or give this one another --root-dir.`);
    }
    // The holder is dead. Of several that find this out at once, one takes the file away; the others see it gone or a new one.
    const stale = `${mine}.stale`;
    try {
      renameSync(lock, stale);
      if (read(stale) !== holder) linkSync(stale, lock);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
    } finally {
      rmSync(stale, { force: true });
    }
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Clock ticks after boot at which the process started; undefined when there is none. */
function startTime(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The command, in parentheses, may hold spaces.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}
