import { closeSync, constants, openSync } from 'node:fs';
import type { GuestMount } from '../host.ts';
import { pathOnly } from './open-flags.ts';

/** A directory that is held open; every path is walked from one. `fd` is an O_PATH descriptor. */
export interface HeldDirectory {
  readonly fd: number;
  readonly mount: GuestMount;
  /** Where it stands in the guest's view: absolute, without a slash at the end (`''` is the root). */
  readonly guestPath: string;
}

/** The guest's mounts, each held open from the start, so that what the host renames later cannot lead elsewhere. */
export class MountTable {
  readonly #roots = new Map<string, HeldDirectory>();
  readonly #nested: boolean;

  /** @throws Node's system error when a host path is not a directory that can be opened. */
  constructor(mounts: readonly GuestMount[]) {
    try {
      for (const mount of mounts) {
        const guestPath = withoutEndSlash(mount.guestPath);
        this.#roots.set(guestPath, { fd: openSync(mount.hostPath, constants.O_DIRECTORY | pathOnly), mount, guestPath });
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

function withoutEndSlash(path: string): string {
  return path.replace(/\/+$/, '');
}
