import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The tightest CPU quota of our cgroup and its parents, in thousandths of a CPU; undefined: none. cgroup v2 and v1. */
export async function cpuQuotaMillis(root = '/'): Promise<number | undefined> {
  const membership = (await readOptional(join(root, 'proc/self/cgroup'))) ?? '';
  const quotas = await Promise.all(membership.split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || controllers === undefined) return [];
    if (controllers === '') return ancestors(path).map(async (directory) => parseCpuMax(await readOptional(join(root, 'sys/fs/cgroup', directory, 'cpu.max'))));
    if (!controllers.split(',').includes('cpu')) return [];
    return ancestors(path).map(async (directory) => {
      const group = join(root, 'sys/fs/cgroup/cpu', directory);
      return parseCpuMax(`${(await readOptional(join(group, 'cpu.cfs_quota_us'))) ?? ''} ${(await readOptional(join(group, 'cpu.cfs_period_us'))) ?? ''}`);
    });
  }));
  const limits = quotas.filter((quota) => quota !== undefined);
  return limits.length === 0 ? undefined : Math.max(1, Math.min(...limits));
}

/** `<quota> <period>` in microseconds; `max` or a negative quota is no limit. */
export function parseCpuMax(text: string | undefined): number | undefined {
  const [quota, period] = (text ?? '').trim().split(/\s+/).map(Number);
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return undefined;
  return Math.floor((quota * 1000) / period);
}

function ancestors(path: string): string[] {
  return path === '/' ? ['/'] : [path, ...ancestors(dirname(path))];
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // A cgroup outside our namespace, or a controller that is not mounted: no limit that we could know.
    return undefined;
  }
}
