import { type Stats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { WasmletError } from '../../core/api/errors.ts';
import type { Plugin } from '../../core/api/plugin.ts';
import type { VolumePlugin } from '../../core/api/volume.ts';
import { makeDirectory } from './make-directory.ts';

interface HostPathType {
  readonly accepts: (found: Stats) => boolean;
  /** What the path is not, in upstream's text. */
  readonly noun: string;
  create?(hostPath: string): Promise<unknown>;
}

/** pkg/volume/hostpath/host_path.go, checkTypeInternal. */
const types: Readonly<Record<string, HostPathType>> = {
  // Unchecked; what is missing becomes a directory, as container runtimes have it.
  '': { accepts: () => true, noun: 'a directory', create: createDirectory },
  DirectoryOrCreate: { accepts: (found) => found.isDirectory(), noun: 'a directory', create: createDirectory },
  Directory: { accepts: (found) => found.isDirectory(), noun: 'a directory' },
  FileOrCreate: { accepts: (found) => found.isFile(), noun: 'a file', create: (hostPath) => open(hostPath, 'a', 0o644).then((file) => file.close()) },
  File: { accepts: (found) => found.isFile(), noun: 'a file' },
  Socket: { accepts: (found) => found.isSocket(), noun: 'a socket' },
  CharDevice: { accepts: (found) => found.isCharacterDevice(), noun: 'a character device' },
  BlockDevice: { accepts: (found) => found.isBlockDevice(), noun: 'a block device' },
};

const hostPath: VolumePlugin = {
  type: 'hostPath',
  async setUp({ volume }) {
    const { path: given, type: typeName = '' } = volume.hostPath!;
    const type = Object.hasOwn(types, typeName) ? types[typeName]! : undefined;
    if (!type) throw new WasmletError('VOLUME_SOURCE_INVALID', `hostPath.type: Unsupported value: ${JSON.stringify(typeName)}`);
    if (!path.isAbsolute(given) || given.split('/').includes('..')) throw new WasmletError('VOLUME_SOURCE_INVALID', `hostPath.path: Invalid value: ${JSON.stringify(given)}: must be absolute and must not contain '..'`);
    const failed = (text: string, cause?: unknown) => new WasmletError('VOLUME_SET_UP_FAILED', `hostPath type check failed: ${given} ${text}`, { cause });
    let found = await look(given);
    if (!found && type.create) {
      await type.create(given).catch((error: unknown) => {
        throw failed(`cannot be created: ${error instanceof Error ? error.message : String(error)}`, error);
      });
      found = await look(given);
    }
    if (!found || !type.accepts(found)) throw failed(`is not ${type.noun}`);
    return { hostPath: await realpath(given) };
  },
  // The directory is the machine's: it outlives every pod.
  async tearDown() {},
};

function createDirectory(hostPath: string): Promise<void> {
  return makeDirectory(hostPath, 0o755);
}

async function look(given: string): Promise<Stats | undefined> {
  return stat(given).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

export const plugin: Plugin = {
  activate(context) {
    context.registerVolume(hostPath);
  },
};
