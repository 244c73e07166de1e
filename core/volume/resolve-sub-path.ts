import { lstat, mkdir, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { WasmletError } from '../api/errors.ts';

const maximumLinks = 40;

/**
 * The host path of `subPath` in a volume, without a symbolic link in it. Links inside the volume are followed as long as they
 * stay in it: a container may have made one that points out (CVE-2017-1002101). What is missing becomes a directory with the
 * volume's mode, if `create` (pkg/volume/util/subpath). Throws FIELD_INVALID.
 */
export async function resolveSubPath(volumePath: string, subPath: string, create: boolean): Promise<string> {
  const root = await realpath(volumePath);
  const mode = (await stat(root)).mode & 0o7777;
  const escape = () => new WasmletError('FIELD_INVALID', `subPath ${JSON.stringify(subPath)} leads out of its volume`);
  let done = root;
  let links = 0;
  const ahead = subPath.split('/').filter((name) => name !== '' && name !== '.');
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    const next = path.resolve(done, name);
    if (next !== root && !next.startsWith(root + path.sep)) throw escape();
    const found = await lstat(next).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      if (error.code === 'ENOTDIR') throw new WasmletError('FIELD_INVALID', `subPath ${JSON.stringify(subPath)}: ${JSON.stringify(path.relative(root, done))} is not a directory`);
      throw error;
    });
    if (found?.isSymbolicLink()) {
      if (++links > maximumLinks) throw new WasmletError('FIELD_INVALID', `subPath ${JSON.stringify(subPath)}: too many symbolic links`);
      const target = await readlink(next);
      if (path.isAbsolute(target)) throw escape();
      ahead.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
      continue;
    }
    if (!found) {
      if (!create) throw new WasmletError('FIELD_INVALID', `subPath ${JSON.stringify(subPath)} does not exist in its volume`);
      await mkdir(next, { mode });
    }
    done = next;
  }
  return done;
}
