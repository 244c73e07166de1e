import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { lstat, mkdir, readdir, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { messageOf, WasmletError } from '../api/errors.ts';
import type { Logger } from '../api/logger.ts';

/** statfs(2) magic numbers of tmpfs and ramfs. */
const memoryFileSystems: readonly number[] = [0x01021994, 0x858458f6];
const mountDeadline = 10_000;

export interface MemoryDirectoriesOptions {
  /** `<root-dir>/memory`: where the node mounts a tmpfs of its own if it may. */
  readonly directory: string;
  /** Memory file systems to use where it may not: $XDG_RUNTIME_DIR, /dev/shm. Tried in order. */
  readonly fallbacks: readonly string[];
  readonly logger: Logger;
  /** Runs mount(8) and umount(8); a test without rights gives its own. */
  readonly run?: (command: string, args: readonly string[]) => Promise<unknown>;
}

/**
 * Directories that never reach a disk, for secrets, tokens and emptyDir volumes of medium Memory. Small ones share the
 * node's tmpfs; one with a size is a tmpfs of its own, so that a guest that fills it harms nobody. Without the right to mount
 * they lie in the user's runtime directory or /dev/shm. In every case the volume's directory leads to them.
 */
export class MemoryDirectories {
  readonly #options: MemoryDirectoriesOptions;
  readonly #run: (command: string, args: readonly string[]) => Promise<unknown>;
  /** Name of this node's directory in a fallback, which other nodes and users share. */
  readonly #name: string;
  #base: Promise<string> | undefined;
  #mayMount = true;

  constructor(options: MemoryDirectoriesOptions) {
    this.#options = options;
    this.#run = options.run ?? ((command, args) => promisify(execFile)(command, args, { timeout: mountDeadline }));
    this.#name = `wasmlet-${process.getuid!()}-${createHash('sha256').update(path.resolve(options.directory)).digest('hex').slice(0, 12)}`;
  }

  /** Empties what an earlier process left behind. */
  async start(): Promise<void> {
    for (const base of this.#bases()) {
      if (!(await isOwnDirectory(base))) continue;
      for (const name of await readdir(base)) await rm(path.join(base, name), { recursive: true, force: true });
    }
  }

  /** Empties and unmounts. */
  async stop(): Promise<void> {
    await this.start();
    this.#base = undefined;
    if (await isMountPoint(this.#options.directory)) await this.#unmount(this.#options.directory);
    for (const base of this.#bases()) if (await isOwnDirectory(base)) await rm(base, { recursive: true, force: true });
  }

  /** The memory behind a volume's directory, made on demand; see VolumeSetUpRequest.memoryDirectory. Throws VOLUME_SET_UP_FAILED. */
  async provide(directory: string, sizeBytes?: number): Promise<string> {
    if (sizeBytes !== undefined && (await this.#mountBounded(directory, sizeBytes))) return directory;
    this.#base ??= this.#findBase().catch((error: unknown) => {
      this.#base = undefined;
      throw error;
    });
    const [name, type, , podUid] = directory.split(path.sep).reverse();
    const target = path.join(await this.#base, `${podUid}~${type}~${name}`);
    // In place: a pod's start waits for it.
    mkdirSync(target, { mode: 0o700, recursive: true });
    if (!leadsTo(directory, target)) {
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(path.dirname(directory), { recursive: true, mode: 0o750 });
      symlinkSync(target, directory);
    }
    return target;
  }

  /**
   * Gives the memory back, from what stands on disk alone. Idempotent. The volume's directory itself stays when it is one.
   * `content` `small`: a few files of the node's own go in place, since each way through the thread pool takes longer than a call
   * into memory. What a guest could write may be anything.
   */
  async release(directory: string, content: 'small' | 'any'): Promise<void> {
    const found = lstatSync(directory, { throwIfNoEntry: false });
    if (found?.isSymbolicLink()) {
      const target = readlinkSync(directory);
      if (this.#bases().includes(path.dirname(target))) {
        if (content === 'small') rmSync(target, { recursive: true, force: true });
        else await rm(target, { recursive: true, force: true });
      }
      unlinkSync(directory);
    } else if (found && (await isMountPoint(directory))) {
      await this.#unmount(directory);
    }
  }

  #bases(): string[] {
    return [this.#options.directory, ...this.#options.fallbacks.map((fallback) => path.join(fallback, this.#name))];
  }

  async #findBase(): Promise<string> {
    const own = this.#options.directory;
    await mkdir(own, { recursive: true, mode: 0o700 });
    if ((await isMemory(own)) || (await this.#mount(own, 'mode=0700'))) return own;
    for (const fallback of this.#options.fallbacks) {
      if (!(await isMemory(fallback).catch(() => false))) continue;
      const base = path.join(fallback, this.#name);
      await mkdir(base, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      if (await isOwnDirectory(base)) return base;
      throw new WasmletError('VOLUME_SET_UP_FAILED', `${base} belongs to somebody else; remove it`);
    }
    const places = this.#options.fallbacks.join(' or ');
    throw new WasmletError('VOLUME_SET_UP_FAILED', `no memory for a volume that must not reach a disk: mounting a tmpfs is not permitted, and there is no tmpfs at ${places || 'any other place'}`);
  }

  async #mountBounded(directory: string, sizeBytes: number): Promise<boolean> {
    await mkdir(path.dirname(directory), { recursive: true, mode: 0o750 });
    await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    return (await isMountPoint(directory)) || this.#mount(directory, `mode=0700,size=${sizeBytes}`);
  }

  /** False when this process may not mount, which is remembered. */
  async #mount(directory: string, options: string): Promise<boolean> {
    if (!this.#mayMount) return false;
    // Kernels before 6.4 do not know noswap.
    for (const choice of [`${options},noswap`, options]) {
      try {
        await this.#run('mount', ['-t', 'tmpfs', '-o', `nosuid,nodev,noexec,${choice}`, 'wasmlet', directory]);
        return true;
      } catch (error) {
        this.#options.logger.debug({ directory, options: choice, reason: messageOf(error) }, 'tmpfs not mounted');
      }
    }
    this.#mayMount = false;
    return false;
  }

  async #unmount(directory: string): Promise<void> {
    // Lazily where somebody still looks into it: new look-ups see the empty directory at once.
    await this.#run('umount', [directory]).catch(() => this.#run('umount', ['-l', directory]));
  }
}

async function isMemory(directory: string): Promise<boolean> {
  return memoryFileSystems.includes((await statfs(directory)).type);
}

/** A mount point by its device; a bind mount within one file system is not seen, and none of ours is one. */
async function isMountPoint(directory: string): Promise<boolean> {
  const own = await lstat(directory).catch(ifMissing);
  if (!own?.isDirectory()) return false;
  return own.dev !== (await stat(path.dirname(directory))).dev;
}

function leadsTo(link: string, target: string): boolean {
  try {
    return readlinkSync(link) === target;
  } catch {
    return false;
  }
}

/** A real directory of ours that nobody else may enter: /dev/shm is open to all. */
async function isOwnDirectory(directory: string): Promise<boolean> {
  const found = await lstat(directory).catch(ifMissing);
  return found !== undefined && found.isDirectory() && found.uid === process.getuid!() && (found.mode & 0o077) === 0;
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
