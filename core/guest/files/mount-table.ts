import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import type { GuestMount } from '../host.ts';
import { pathOnly } from './open-flags.ts';

/** A directory that is held open; every path is walked from one. `fd` is an O_PATH descriptor. */
export interface HeldDirectory {
  readonly fd: number;
  readonly mount: GuestMount;
  /** Where it stands in the guest's view: absolute, without a slash at the end (`''` is the root). */
  readonly guestPath: string;
}

/** Of all guests without mounts; never filled. */
const nothing = new Map<string, HeldDirectory>();

/** The guest's mounts, each held open from the start, so that what the host renames later cannot lead elsewhere. */
export class MountTable {
  readonly #roots: Map<string, HeldDirectory>;
  readonly #nested: boolean;

  /** @throws Node's system error when a host path is not a directory that can be opened; an Error when a link has been put in its way. */
  constructor(mounts: readonly GuestMount[]) {
    this.#roots = mounts.length === 0 ? nothing : new Map<string, HeldDirectory>();
    try {
      for (const mount of mounts) {
        const guestPath = withoutEndSlash(mount.guestPath);
        this.#roots.set(guestPath, { fd: openMount(mount.hostPath), mount, guestPath });
      }
    } catch (error) {
      this.close();
      throw error;
    }
    const paths = [...this.#roots.keys()];
    this.#nested = paths.some((path) => paths.some((other) => other !== path && path.startsWith(`${other}/`)));
  }

  /** The mounts' root directories in the order given. */
  roots(): readonly HeldDirectory[] {
    return [...this.#roots.values()];
  }

  /** True for a root of this table, which lives as long as the table. */
  isRoot(directory: HeldDirectory): boolean {
    return this.#roots.get(directory.guestPath) === directory;
  }

  /** The mount that stands at `name` in `directory` and hides what the directory itself has there. */
  childMount(directory: HeldDirectory, name: string): HeldDirectory | undefined {
    return this.#nested ? this.#roots.get(`${directory.guestPath}/${name}`) : undefined;
  }

  /** True when a mount stands at `name` or below it, so that the entry can be neither removed nor renamed. */
  isBusy(directory: HeldDirectory, name: string): boolean {
    if (!this.#nested) return false;
    const path = `${directory.guestPath}/${name}`;
    return [...this.#roots.keys()].some((root) => root === path || root.startsWith(`${path}/`));
  }

  /** The innermost mount that covers an absolute path of the guest, and the components that remain below it. */
  covering(components: readonly string[]): { readonly root: HeldDirectory; readonly rest: readonly string[] } | undefined {
    for (let depth = components.length; depth >= 0; depth--) {
      const root = this.#roots.get(components.slice(0, depth).map((component) => `/${component}`).join(''));
      if (root !== undefined) return { root, rest: components.slice(depth) };
    }
    return undefined;
  }

  close(): void {
    for (const root of this.#roots.values()) closeSync(root.fd);
    this.#roots.clear();
  }
}

/**
 * A host path comes without links. Another container of the pod may write where it lies and put a link in its way after it was
 * looked up, so what was opened is asked for its name.
 */
function openMount(hostPath: string): number {
  const fd = openSync(hostPath, constants.O_DIRECTORY | pathOnly);
  const opened = readlinkSync(`/proc/self/fd/${fd}`);
  if (opened === hostPath || opened === withoutEndSlash(hostPath)) return fd;
  closeSync(fd);
  throw new Error(`the directory of a volume was replaced by a link while the container started: ${hostPath}`);
}

function withoutEndSlash(path: string): string {
  return path.replace(/\/+$/, '');
}
