import { mkdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

/** Where log shippers look: `<pod>_<namespace>_<container>-<id>.log`. */
export function logLinkPath(prefix: string, containerId: string): string {
  return `${prefix}-${containerId}.log`;
}

export async function createLogLink(link: string, logPath: string): Promise<void> {
  await mkdir(path.dirname(link), { recursive: true, mode: 0o755 });
  await rm(link, { force: true });
  await symlink(logPath, link);
}
