/** What the machine is: read once at start, the disk at every call. No decision is made here. */
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, hostname, networkInterfaces, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { cpuQuotaMillis } from './cgroup-cpu-quota.ts';

export interface Machine {
  /** Thousandths of a CPU: affinity and the cgroup's quota are taken off. */
  readonly cpuMillis: number;
  /** Bytes: what the machine has, or the cgroup's limit. */
  readonly memoryBytes: number;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** Empty where the machine has none. */
  readonly machineID: string;
  readonly systemUUID: string;
  /** Changes with every boot. */
  readonly bootID: string;
  readonly hostname: string;
}

export interface NetworkAddress {
  readonly interface: string;
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly internal: boolean;
}

/** `root` is where /proc, /sys and /etc are looked for. */
export async function readMachine(root = '/'): Promise<Machine> {
  const read = async (path: string): Promise<string> => (await readOptional(join(root, path))).trim();
  const machineID = (await read('etc/machine-id')) || (await read('var/lib/dbus/machine-id'));
  const quota = await cpuQuotaMillis(root);
  // libuv reads the limits of cgroup v1 and v2; without a limit it answers 0 or an absurdly large figure.
  const limit = process.constrainedMemory();
  return {
    cpuMillis: Math.min(availableParallelism() * 1000, quota ?? Infinity),
    memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
    kernelVersion: release(),
    osImage: osImage(await read('etc/os-release')),
    machineID,
    systemUUID: (await read('sys/class/dmi/id/product_uuid')) || machineID,
    bootID: await read('proc/sys/kernel/random/boot_id'),
    hostname: hostname(),
  };
}

/** Bytes of the file system that holds `directory`. */
export async function readDisk(directory: string): Promise<{ readonly capacityBytes: number; readonly availableBytes: number }> {
  const { bsize, blocks, bavail } = await statfs(directory);
  return { capacityBytes: bsize * blocks, availableBytes: bsize * bavail };
}

export function readNetworkAddresses(): NetworkAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) => (addresses ?? []).map(({ address, family, internal }) => ({ interface: name, address, family, internal })));
}

/** The interface of the default route: IPv4's, else IPv6's. */
export async function readDefaultInterface(root = '/'): Promise<string | undefined> {
  return defaultInterface(await readOptional(join(root, 'proc/net/route'))) ?? defaultInterface6(await readOptional(join(root, 'proc/net/ipv6_route')));
}

/** From /proc/net/route: destination and mask 0, flag RTF_UP; the lowest metric wins. */
export function defaultInterface(table: string): string | undefined {
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , flags, , , , mask]) => destination === '00000000' && mask === '00000000' && (parseInt(flags ?? '0', 16) & 1) === 1)
    .sort((left, right) => Number(left[6]) - Number(right[6]))[0]?.[0];
}

/** From /proc/net/ipv6_route; the loopback's own default route is the kernel's way to reject. */
export function defaultInterface6(table: string): string | undefined {
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[0] === '0'.repeat(32) && fields[1] === '00' && fields[9] !== undefined && fields[9] !== 'lo')
    .sort((left, right) => parseInt(left[5] ?? '0', 16) - parseInt(right[5] ?? '0', 16))[0]?.[9];
}

/** PRETTY_NAME of /etc/os-release. */
export function osImage(osRelease: string): string {
  const value = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]?.trim() ?? '';
  return value.replace(/^(["'])(.*)\1$/, '$2') || 'Linux';
}

/** Empty for a file that is not there or not ours to read: kernels and containers differ in what they show. */
async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
