import { closeSync, lstatSync, openSync, readlinkSync } from 'node:fs';
import { FileError } from './file-error.ts';
import type { HeldDirectory, MountTable } from './mount-table.ts';
import { walkFlags } from './open-flags.ts';

/** Linux' MAXSYMLINKS. */
const maximumLinks = 40;
/** Bounds the work of one path: `..` walks again from the start, so that a long path of them would cost its square. */
const maximumSteps = 4096;

/** Where a path leads: an entry of a directory, which may not exist, or (without a name) the directory itself. */
export interface WalkTarget {
  readonly directory: HeldDirectory;
  readonly name: string | undefined;
  /** The path ended in a slash: only a directory will do. */
  readonly directoryOnly: boolean;
  /** For calls that do not follow a link in the last place. */
  readonly hostPath: string;
}

export interface WalkOptions {
  /** Whether a link in the last place is followed. */
  readonly follow: boolean;
  /** Absolute links are ENOTCAPABLE instead of being looked up in the mount table. */
  readonly refuseAbsoluteLinks?: boolean;
}

/**
 * Resolves a guest's path from `base` and calls `act` with where it leads; the directories held on the way are closed
 * afterwards. No component is ever opened through a symbolic link: each is opened O_NOFOLLOW relative to the descriptor of
 * the one before, and links are expanded here. So no rename or link that the guest, or another guest of the same volume,
 * makes meanwhile can lead out of the mounts. `..` above `base` is ENOTCAPABLE, an absolute link is looked up in the mount table.
 */
export function walk<Result>(mounts: MountTable, base: HeldDirectory, path: string, options: WalkOptions, act: (target: WalkTarget) => Result): Result {
  const pathWalk = new PathWalk(mounts, base, path, options);
  try {
    return act(pathWalk.target());
  } finally {
    pathWalk.close();
  }
}

/** The path under which this process reaches an entry of a held directory. */
export function hostPathOf(directory: HeldDirectory, name?: string): string {
  return name === undefined ? `/proc/self/fd/${directory.fd}` : `/proc/self/fd/${directory.fd}/${name}`;
}

class PathWalk {
  readonly #mounts: MountTable;
  readonly #options: WalkOptions;
  #base: HeldDirectory;
  #current: HeldDirectory;
  /** From base to current, links expanded. */
  #names: string[] = [];
  /** Still to be walked, the next one last. */
  #pending: string[];
  #directoryOnly: boolean;
  #links = 0;
  #steps = 0;

  constructor(mounts: MountTable, base: HeldDirectory, path: string, options: WalkOptions) {
    if (path === '') throw new FileError('ENOENT');
    if (path.includes('\0')) throw new FileError('EINVAL');
    if (path.startsWith('/')) throw new FileError('ENOTCAPABLE');
    this.#mounts = mounts;
    this.#options = options;
    this.#base = base;
    this.#current = base;
    this.#pending = componentsOf(path).reverse();
    this.#directoryOnly = path.endsWith('/');
  }

  target(): WalkTarget {
    for (;;) {
      const name = this.#pending.pop();
      if (name === undefined) return this.#targetHere();
      if (++this.#steps > maximumSteps) throw new FileError('ENAMETOOLONG');
      if (name === '.') continue;
      if (name === '..') this.#ascend();
      else if (this.#pending.length > 0 || this.#mounts.childMount(this.#current, name) !== undefined) this.#descend(name);
      else {
        const link = this.#options.follow ? linkAt(hostPathOf(this.#current, name)) : undefined;
        if (link === undefined) return this.#targetNamed(name);
        this.#expand(link);
      }
    }
  }

  close(): void {
    this.#moveTo(this.#base);
  }

  #targetHere(): WalkTarget {
    return { directory: this.#current, name: undefined, directoryOnly: true, hostPath: hostPathOf(this.#current) };
  }

  #targetNamed(name: string): WalkTarget {
    return { directory: this.#current, name, directoryOnly: this.#directoryOnly, hostPath: hostPathOf(this.#current, name) };
  }

  #descend(name: string): void {
    const mounted = this.#mounts.childMount(this.#current, name);
    if (mounted !== undefined) {
      this.#names.push(name);
      this.#moveTo(mounted);
      return;
    }
    const at = hostPathOf(this.#current, name);
    let fd: number;
    try {
      fd = openSync(at, walkFlags.directory);
    } catch (error) {
      // A link answers ENOTDIR here (O_DIRECTORY with O_NOFOLLOW).
      const link = (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? linkAt(at) : undefined;
      if (link === undefined) throw error;
      this.#expand(link);
      return;
    }
    this.#names.push(name);
    this.#moveTo({ fd, mount: this.#current.mount, guestPath: `${this.#current.guestPath}/${name}` });
  }

  /** Walks again to the parent: the kernel's own `..` would follow a directory that was moved out of the mount meanwhile. */
  #ascend(): void {
    if (this.#names.length === 0) throw new FileError('ENOTCAPABLE');
    this.#names.pop();
    this.#pending.push(...this.#names.reverse());
    this.#names = [];
    this.#moveTo(this.#base);
  }

  #expand(link: string): void {
    if (++this.#links > maximumLinks) throw new FileError('ELOOP');
    if (this.#pending.length === 0 && link.endsWith('/')) this.#directoryOnly = true;
    const components = componentsOf(link);
    if (!link.startsWith('/')) {
      this.#pending.push(...components.reverse());
      return;
    }
    const covering = this.#options.refuseAbsoluteLinks === true ? undefined : this.#mounts.covering(components.filter((component) => component !== '.'));
    if (covering === undefined) throw new FileError('ENOTCAPABLE');
    this.#pending.push(...covering.rest.toReversed());
    this.#names = [];
    this.#moveTo(covering.root);
    this.#base = covering.root;
  }

  #moveTo(directory: HeldDirectory): void {
    const left = this.#current;
    this.#current = directory;
    // The base and the mounts' roots are not ours to close.
    if (left !== this.#base && !this.#mounts.isRoot(left)) closeSync(left.fd);
  }
}

/** What the symbolic link at `path` says; undefined when there is none. */
function linkAt(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
  try {
    return readlinkSync(path);
  } catch (error) {
    // Replaced by something else since.
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((component) => component !== '');
}
