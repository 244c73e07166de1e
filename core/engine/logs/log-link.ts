import { mkdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

/** Where log shippers look: `<pod>_<namespace>_<container>-<id>.log`. */
export function logLinkPath(prefix: string, containerId: string): string {
  return `${prefix}-${containerId}.log`;
}

/** The name is the container's alone: what is in its place, if anything, is a link of the same container. */
export async function createLogLink(link: string, logPath: string): Promise<void> {
  try {
    await symlink(logPath, link);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') await mkdir(path.dirname(link), { recursive: true, mode: 0o755 });
    else if (code === 'EEXIST') await rm(link, { force: true });
    else throw error;
    await symlink(logPath, link);
  }
}
