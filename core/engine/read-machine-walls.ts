import { readFileSync } from 'node:fs';
import type { MachineWalls } from './dedicated-capacity.ts';

/** The walls of this process, from /proc (proc_sys_vm(5), proc_pid_limits(5)). `memoryBytes` is what guests may use. */
export function readMachineWalls(memoryBytes: number): MachineWalls {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const openFiles = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  return {
    maxMapCount: Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8')),
    openFiles: openFiles === undefined || openFiles === 'unlimited' ? Infinity : Number(openFiles),
    memoryBytes,
  };
}
