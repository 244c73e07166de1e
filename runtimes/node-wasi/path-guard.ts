import { lstatSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { FileError } from '../../core/guest/files/file-error.ts';
import { MountTable } from '../../core/guest/files/mount-table.ts';
import { walk } from '../../core/guest/files/path-walk.ts';
import type { WalkTarget } from '../../core/guest/files/path-walk.ts';
import type { GuestMount } from '../../core/guest/host.ts';
import type { GuestPath } from '../../core/guest/preview1/interposer.ts';

/** Linux' MAXSYMLINKS. */
const maximumLinks = 40;

/**
 * Refuses a path before uvwasi gets it. uvwasi compares prefixes of text and lets the kernel follow links in the middle of a
 * path, out of the mount; so every such path is walked here first, component by component. What is looked at and what is
 * then opened are two steps: someone else who changes links of the same volume in between can still win. README says so.
 */
export class PathGuard {
  readonly #tables: ReadonlyMap<GuestMount, MountTable>;

  /** @throws Node's system error when a mount cannot be opened. */
  constructor(mounts: readonly GuestMount[]) {
    // A table each: uvwasi knows nothing of a mount inside another, so neither must the walk.
    this.#tables = new Map(mounts.map((mount) => [mount, new MountTable([mount])]));
  }

  /** Throws a FileError when the path leaves its mount or, with `opening`, when what is there could block. */
  inspect({ mount, path: given }: GuestPath, follow: boolean, opening: boolean): void {
    let tried = normalized(given);
    const follows = follow || opening;
    this.#look(mount, tried, follows, opening);
    // uvwasi resolves a link in the last place as text, before the kernel sees the path: follow that reading too.
    for (let links = 0; follows; links++) {
      if (links > maximumLinks) throw new FileError('ELOOP');
      const contents = this.#look(mount, tried, false, opening);
      if (contents === undefined) return;
      tried = normalized(path.posix.join(path.posix.dirname(tried), contents));
    }
  }

  close(): void {
    for (const table of this.#tables.values()) table.close();
  }

  /** What the symbolic link at the path says; undefined when there is none. Missing entries are the native function's to report. */
  #look(mount: GuestMount, given: string, follow: boolean, opening: boolean): string | undefined {
    const table = this.#tables.get(mount) as MountTable;
    const [root] = table.roots();
    try {
      return walk(table, root as NonNullable<typeof root>, given, { follow, refuseAbsoluteLinks: true }, (target) => linkContents(target, opening));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

function linkContents(target: WalkTarget, opening: boolean): string | undefined {
  if (target.name === undefined) return undefined;
  const status = lstatSync(target.hostPath);
  if (status.isSymbolicLink()) return readlinkSync(target.hostPath);
  if (opening && !status.isFile() && !status.isDirectory()) throw new FileError('ENOTSUP');
  return undefined;
}

/** As uvwasi does it: `..` is taken back as text. */
function normalized(given: string): string {
  const result = path.posix.normalize(given);
  if (result === '..' || result.startsWith('../')) throw new FileError('ENOTCAPABLE');
  return result;
}
