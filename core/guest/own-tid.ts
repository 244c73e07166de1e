import { readlinkSync } from 'node:fs';

/** The kernel's id of the calling thread: the synchronous call runs on it. */
export function ownTid(): number {
  return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
}
