import { readdir, readFile } from 'node:fs/promises';

/** What a process and all its descendants use. */
export interface Usage {
  /** Proportional set size: private memory, and shared pages by the share of each process. */
  readonly pssBytes: number;
  /** CPU time since their start, of the living processes and of the ended ones that were waited for. */
  readonly cpuSeconds: number;
  readonly processes: number;
}

// USER_HZ: fixed at 100 by Linux' interface to user space on x64 and arm64.
const ticksPerSecond = 100;

/** @throws Error (ENOENT) when the process is gone */
export async function readUsage(root: number): Promise<Usage> {
  const pids = await descendants(root);
  let pssBytes = 0;
  let cpuSeconds = 0;
  for (const pid of pids) {
    pssBytes += parsePss(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'));
    cpuSeconds += parseCpuSeconds(await readFile(`/proc/${pid}/stat`, 'utf8'));
  }
  return { pssBytes, cpuSeconds, processes: pids.length };
}

/** The process and its descendants (proc(5), `task/<tid>/children`). */
async function descendants(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')));
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  return [pid, ...(await Promise.all(children.map((child) => descendants(child)))).flat()];
}

/** `Pss:` of `/proc/<pid>/smaps_rollup` in bytes. */
export function parsePss(text: string): number {
  const match = /^Pss:\s+(\d+) kB$/m.exec(text);
  if (!match) throw new Error('smaps_rollup has no Pss line');
  return Number(match[1]) * 1024;
}

/** utime + stime + cutime + cstime (fields 14 to 17) of `/proc/<pid>/stat`; the name in field 2 may hold anything. */
export function parseCpuSeconds(text: string): number {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  if (fields.length < 15 || Number.isNaN(ticks)) throw new Error(`not a /proc/<pid>/stat: ${JSON.stringify(text)}`);
  return ticks / ticksPerSecond;
}
