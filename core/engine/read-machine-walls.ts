import { readFileSync } from 'node:fs';
import path from 'node:path';
import { memoriesOfAProcess } from './capacity.ts';
import type { MachineWalls } from './capacity.ts';

/**
 * The walls of this process (proc_sys_vm(5), proc_sys_kernel(5), proc_pid_limits(5), the pids controller of cgroup v1 and
 * v2). `bytes` is what guests may use. `root`: where `/proc` and `/sys` are.
 */
export function readMachineWalls(bytes: number, root = '/'): MachineWalls {
  const read = (file: string): string | undefined => readOptional(path.join(root, file));
  const limits = read('proc/self/limits') ?? '';
  return {
    maps: numberIn(read('proc/sys/vm/max_map_count')),
    files: numberIn(/^Max open files\s+(\d+)/m.exec(limits)?.[1]),
    threads: Math.min(
      numberIn(read('proc/sys/kernel/threads-max')),
      numberIn(read('proc/sys/kernel/pid_max')),
      // Root's processes are not counted against it.
      process.getuid?.() === 0 ? Infinity : numberIn(/^Max processes\s+(\d+)/m.exec(limits)?.[1]),
      ...pidsLimits(read),
    ),
    memories: memoriesOfAProcess,
    bytes,
  };
}

/** `pids.max` of our control group and of those around it. */
function pidsLimits(read: (file: string) => string | undefined): number[] {
  return (read('proc/self/cgroup') ?? '').split('\n').flatMap((line) => {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (group === undefined || (controllers !== '' && controllers !== 'pids')) return [];
    return ancestors(group).map((directory) => numberIn(read(path.join('sys/fs/cgroup', controllers ?? '', directory, 'pids.max'))));
  });
}

function ancestors(group: string): string[] {
  return group === '/' || group === '.' ? ['/'] : [group, ...ancestors(path.dirname(group))];
}

/** `max`, `unlimited` and what cannot be read are no wall. */
function numberIn(text: string | undefined): number {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : Infinity;
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // A controller that is not mounted, a group outside our namespace.
  }
}
