import { readFileSync } from 'node:fs';

/** What the machine uses, as cAdvisor tells it of the root control group. */
export interface NodeUsage {
  /** CPU seconds since the machine's start, of all CPUs. */
  readonly cpuSeconds: number;
  readonly memoryTotalBytes: number;
  readonly memoryAvailableBytes: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

// USER_HZ: fixed at 100 by Linux' interface to user space on x64 and arm64.
const ticksPerSecond = 100;

/** From /proc/stat and /proc/meminfo (proc(5)). Throws when there is no /proc. */
export function readNodeUsage(): NodeUsage {
  return parseNodeUsage(readFileSync('/proc/stat', 'utf8'), readFileSync('/proc/meminfo', 'utf8'));
}

export function parseNodeUsage(stat: string, meminfo: string): NodeUsage {
  // user nice system idle iowait irq softirq steal; a guest's time is in user and nice already.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(Number);
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0);
  return {
    cpuSeconds: (user + nice + system + irq + softirq) / ticksPerSecond,
    memoryTotalBytes: kibibytes('MemTotal') * 1024,
    memoryAvailableBytes: kibibytes('MemAvailable') * 1024,
    startedAt: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
  };
}
