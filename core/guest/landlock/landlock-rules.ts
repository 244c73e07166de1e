import type { GuestMount } from '../host.ts';

/** Access rights of Landlock (linux/landlock.h), by bit. */
export const access = {
  execute: 1n << 0n, writeFile: 1n << 1n, readFile: 1n << 2n, readDirectory: 1n << 3n, removeDirectory: 1n << 4n, removeFile: 1n << 5n,
  makeCharacterDevice: 1n << 6n, makeDirectory: 1n << 7n, makeFile: 1n << 8n, makeSocket: 1n << 9n, makePipe: 1n << 10n, makeBlockDevice: 1n << 11n,
  makeLink: 1n << 12n, refer: 1n << 13n, truncate: 1n << 14n, ioctlDevice: 1n << 15n,
} as const;

/** Rights that a kernel knows, by its ABI version; what it does not know it cannot deny. */
export function handledRights(abi: number): bigint {
  let bits = 13n;
  if (abi >= 2) bits = 14n; // refer
  if (abi >= 3) bits = 15n; // truncate
  if (abi >= 5) bits = 16n; // ioctl on devices
  return (1n << bits) - 1n;
}

export interface LandlockRule {
  /** A directory, with all below it, or a file. */
  readonly path: string;
  readonly rights: bigint;
  /** What is not there needs no rule. */
  readonly optional: boolean;
}

const reading = access.readFile | access.readDirectory;
/** No device, socket or pipe can be made, nothing executed. */
const writing = reading | access.writeFile | access.removeDirectory | access.removeFile | access.makeDirectory | access.makeFile | access.makeLink | access.refer | access.truncate;

/**
 * What a thread may reach: the container's mounts, read-only ones for reading, and what its runtime still reads. Rights add
 * up from a directory to what lies below it, so a read-only mount inside a writable one is left to the resolver.
 */
export function landlockRules(mounts: readonly GuestMount[], readable: readonly string[], abi: number): readonly LandlockRule[] {
  const handled = handledRights(abi);
  return [
    ...mounts.map(({ hostPath, readOnly }): LandlockRule => ({ path: hostPath, rights: (readOnly ? reading : writing) & handled, optional: false })),
    ...readable.map((path): LandlockRule => ({ path, rights: reading & handled, optional: true })),
    // Files, not directories: name resolution and the streams that a guest never reaches.
    ...['/etc/hosts', '/etc/resolv.conf', '/etc/nsswitch.conf', '/dev/urandom'].map((path): LandlockRule => ({ path, rights: access.readFile, optional: true })),
    { path: '/dev/null', rights: access.readFile | access.writeFile, optional: true },
  ];
}
