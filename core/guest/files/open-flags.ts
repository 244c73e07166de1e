import { constants } from 'node:fs';

/** O_PATH of Linux, the same on every architecture that Node runs on; node:fs does not name it. */
export const pathOnly = 0o10000000;

/** Flags for walking: nothing is read, nothing blocks, no link is followed. */
export const walkFlags = {
  /** A descriptor that only names a directory. */
  directory: pathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW,
  /** A descriptor that only names whatever is there, a symbolic link included. */
  anything: pathOnly | constants.O_NOFOLLOW,
} as const;
