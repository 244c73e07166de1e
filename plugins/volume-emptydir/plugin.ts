import { chmod, mkdir } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { WasmletError } from '../../core/api/errors.ts';
import type { Plugin } from '../../core/api/plugin.ts';
import type { VolumePlugin, VolumeSetUpRequest } from '../../core/api/volume.ts';
import { parseBytes } from './parse-bytes.ts';

const everybody = 0o777;

async function place({ directory, volume, memoryDirectory }: VolumeSetUpRequest): Promise<string> {
  const { medium = '', sizeLimit } = volume.emptyDir ?? {};
  if (medium === 'Memory') {
    // A guest that fills its volume must not take the machine's memory; the same bound as an unlimited tmpfs has.
    const bound = Math.floor(totalmem() / 2);
    return memoryDirectory(sizeLimit === undefined ? bound : Math.min(bound, parseBytes(sizeLimit)));
  }
  if (medium !== '') throw new WasmletError('VOLUME_TYPE_UNSUPPORTED', `emptyDir medium ${JSON.stringify(medium)} is not supported`);
  await mkdir(directory, { recursive: true });
  return directory;
}

const emptyDir: VolumePlugin = {
  type: 'emptyDir',
  async setUp(request) {
    const hostPath = await place(request);
    await chmod(hostPath, everybody);
    return { hostPath };
  },
  // Core removes the directory and its memory; there is nothing else.
  async tearDown() {},
};

export const plugin: Plugin = {
  activate(context) {
    context.registerVolume(emptyDir);
  },
};
