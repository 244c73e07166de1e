import { constants } from 'node:fs';
import { lstat, mkdir, open, readlink, type FileHandle } from 'node:fs/promises';
import { WasmletError } from '../api/errors.ts';

const maximumLinks = 40;
const directoryItself = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * The host path of the directory `subPath` in the volume at `root` (itself without a link), without a symbolic link in it.
 * Links inside the volume are followed as long as they stay in it: a container may have made one that points out
 * (CVE-2017-1002101). What is missing becomes a directory with the volume's mode (pkg/volume/util/subpath). Each directory on
 * the way is held open, so that a running guest cannot swap one for a link meanwhile. Throws FIELD_INVALID, FIELD_UNSUPPORTED.
 */
export async function resolveSubPath(root: string, subPath: string): Promise<string> {
  const invalid = (why: string) => new WasmletError('FIELD_INVALID', `subPath ${JSON.stringify(subPath)} ${why}`);
  const held = [await open(root, directoryItself)];
  try {
    const mode = (await held[0]!.stat()).mode & 0o7777;
    const ahead = componentsOf(subPath);
    let links = 0;
    for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
      if (name === '..') {
        if (held.length === 1) throw invalid('leads out of its volume');
        await held.pop()!.close();
        continue;
      }
      const entry = `${pathOf(held.at(-1)!)}/${name}`;
      const target = await linkTarget(entry);
      if (target !== undefined) {
        if (++links > maximumLinks) throw invalid('has too many symbolic links');
        if (target.startsWith('/')) throw invalid('leads out of its volume');
        ahead.unshift(...componentsOf(target));
        continue;
      }
      held.push(await openOrMake(entry, mode, () => new WasmletError('FIELD_UNSUPPORTED', `subPath ${JSON.stringify(subPath)}: ${JSON.stringify(name)} is not a directory; mounting a single file is not supported`)));
    }
    return await readlink(pathOf(held.at(-1)!));
  } finally {
    for (const directory of held) await directory.close();
  }
}

function componentsOf(relativePath: string): string[] {
  return relativePath.split('/').filter((name) => name !== '' && name !== '.');
}

function pathOf(directory: FileHandle): string {
  return `/proc/self/fd/${directory.fd}`;
}

/** Undefined: no link, or nothing there. */
async function linkTarget(entry: string): Promise<string | undefined> {
  const found = await lstat(entry).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  return found?.isSymbolicLink() ? readlink(entry) : undefined;
}

async function openOrMake(entry: string, mode: number, notADirectory: () => WasmletError): Promise<FileHandle> {
  let made = true;
  await mkdir(entry).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    made = false;
  });
  const directory = await open(entry, directoryItself).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOTDIR' ? notADirectory() : error;
  });
  // Not left to the umask.
  if (made) await directory.chmod(mode);
  return directory;
}
