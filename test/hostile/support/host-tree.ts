import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** What lies below a directory, one line for each entry: type, mode, links, time of the last change, contents. No link is followed. */
export function hostTree(directory: string, below = ''): readonly string[] {
  // Not readdir's own recursion: it follows links.
  return readdirSync(path.join(directory, below)).sort().flatMap((entry) => {
    const name = path.join(below, entry);
    const file = path.join(directory, name);
    const found = lstatSync(file, { bigint: true });
    const contents = found.isSymbolicLink() ? readlinkSync(file) : found.isFile() ? createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16) : '';
    return [`${name} ${found.mode.toString(8)} ${found.nlink} ${found.mtimeNs} ${contents}`, ...(found.isDirectory() ? hostTree(directory, name) : [])];
  });
}
