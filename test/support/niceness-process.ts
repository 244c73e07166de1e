/** A process of its own that runs one guest of each class to its end and prints the niceness of its threads then, as JSON: `nice` decides on the first. */
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RegisteredRuntime } from '../../core/api/runtime.ts';
import { EngineBed, registryOf } from './engine-bed.ts';

const wasi: RegisteredRuntime = {
  manifest: { name: 'wasi', accepts: [{ kind: 'module', imports: ['wasi_snapshot_preview1'] }], isolation: ['dedicated', 'shared'], thread: './thread.js', reusesThreads: true },
  pluginId: 'runtime-wasi',
  threadUrl: pathToFileURL(path.join(import.meta.dirname, '../../runtimes/wasi/thread.ts')).href,
  version: '1',
  state: 'active',
  allowed: true,
};

/** Field 19 of proc(5)'s stat; the command before it, in parentheses, may hold spaces. */
function threads(): number[] {
  return readdirSync('/proc/self/task').map((tid) => {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });
}

const bed = await EngineBed.create({ runtimes: registryOf(wasi), warmThreads: 1 });
const empty = await bed.module('(module (memory (export "memory") 1) (func (export "_start")))');
for (const isolation of ['dedicated', 'shared'] as const) await bed.run(empty, { runtime: 'wasi', isolation });
/** The thread of the dedicated one is raised after its end is told, and others may be made meanwhile. */
let last = '';
for (let same = 0; same < 20; ) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const now = JSON.stringify(threads().sort((left, right) => left - right));
  same = now === last ? same + 1 : 0;
  last = now;
}
process.stdout.write(JSON.stringify({ own: os.getPriority(process.pid), threads: JSON.parse(last) as number[] }));
await bed.close();
