import { mkdirSync } from 'node:fs';
import type { Plugin } from '../../core/api/plugin.ts';
import type { VolumePlugin } from '../../core/api/volume.ts';
import { AtomicWriter } from './atomic-writer.ts';

const types = ['configMap', 'secret', 'downwardAPI', 'projected'] as const;

/** May hold secrets or tokens: their content stays in memory, as upstream has it. */
const inMemory: ReadonlySet<string> = new Set(['secret', 'projected']);

function filesVolume(type: string, writer: AtomicWriter): VolumePlugin {
  return {
    type,
    async setUp({ directory, files = [], memoryDirectory }) {
      const hostPath = inMemory.has(type) ? await memoryDirectory() : directory;
      mkdirSync(hostPath, { recursive: true, mode: 0o755 });
      writer.write(hostPath, files);
      return { hostPath };
    },
    // Core removes the directory and its memory; there is nothing else.
    async tearDown() {},
  };
}

export const plugin: Plugin = {
  activate(context) {
    const writer = new AtomicWriter(() => new Date());
    for (const type of types) context.registerVolume(filesVolume(type, writer));
  },
};
