import { writeFileSync } from 'node:fs';
import { messageOf } from '../api/errors.ts';
import type { Logger } from '../api/logger.ts';
import { withoutWarnings } from '../guest/without-warnings.ts';
import { wallsFor } from './capacity.ts';
import { readMachineWalls } from './read-machine-walls.ts';

/** RLIMIT_NOFILE of Linux on x64 and arm64. */
const openFiles = 7;

/**
 * Raises what stands in the way of so many containers, where we may: as root. `vm.max_map_count` is the machine's and is
 * raised for all of it, open files are this process's own; Node has raised their soft limit to the hard one already. What
 * cannot be raised is warned about, and counted as it is. Never lowers anything.
 */
export function raiseMachineWalls(containers: number, logger: Logger): void {
  if (process.getuid?.() !== 0) return;
  const wanted = wallsFor(containers);
  const { maps, files } = readMachineWalls(0);
  raise('vm.max_map_count', maps, wanted.maps, logger, () => writeFileSync('/proc/sys/vm/max_map_count', String(wanted.maps)));
  raise('open files', files, wanted.files, logger, () => setOpenFiles(wanted.files));
}

function raise(wall: string, from: number, to: number, logger: Logger, write: () => void): void {
  if (from >= to) return;
  try {
    write();
    logger.info({ wall, from, to }, 'a limit of the machine was raised');
  } catch (error) {
    logger.warn({ wall, from, to, reason: messageOf(error) }, 'a limit of the machine could not be raised');
  }
}

/** prlimit(2) of this process, which Node has no call for. Throws when this Node has no node:ffi, or the kernel refuses. */
function setOpenFiles(count: number): void {
  const ffi = withoutWarnings(() => process.getBuiltinModule('node:ffi'));
  const { functions } = ffi.dlopen(null, { prlimit: { arguments: ['i32', 'i32', 'pointer', 'pointer'], return: 'i32' } });
  // struct rlimit: soft, hard.
  const limit = new BigUint64Array([BigInt(count), BigInt(count)]);
  const old = new BigUint64Array(2);
  if (functions.prlimit(0, openFiles, ffi.getRawPointer(limit), ffi.getRawPointer(old)) !== 0) throw new Error('the kernel refuses; it takes CAP_SYS_RESOURCE');
}
