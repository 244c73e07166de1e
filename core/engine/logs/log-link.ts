import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

/** Where log shippers look: `<pod>_<namespace>_<container>-<id>.log`. */
export function logLinkPath(prefix: string, containerId: string): string {
  return `${prefix}-${containerId}.log`;
}

/** The name is the container's alone: what is in its place, if anything, is a link of the same container. In place: it is one call. */
export function createLogLink(link: string, logPath: string): void {
  try {
    symlinkSync(logPath, link);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') mkdirSync(path.dirname(link), { recursive: true, mode: 0o755 });
    else if (code === 'EEXIST') rmSync(link, { force: true });
    else throw error;
    symlinkSync(logPath, link);
  }
}
