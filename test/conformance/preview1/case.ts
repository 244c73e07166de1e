import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { GuestMount } from '../../../core/guest/host.ts';
import { right } from '../../../runtimes/wasi/rights.ts';
import type { Caller, CallerOptions, Errno } from './caller.ts';
import type { Preview1Function } from './signatures.ts';

/** One thing that a function of preview 1 does or answers. */
export interface Case {
  readonly function: Preview1Function;
  /** With which errno it answers, `SUCCESS` for what it does. */
  readonly answers: Errno;
  /** Under which condition, in a few words; unique for the function. */
  readonly when: string;
  /** What it needs of a runtime; a manifest that does not declare it skips the case. */
  readonly needs?: 'writable volumes';
  readonly options?: Omit<CallerOptions, 'isolation' | 'mounts'>;
  /** Makes the call and answers its errno; asserts what else it knows. The fixture directory is at descriptor 3. */
  readonly run: (guest: Caller, directory: string) => Promise<Errno> | Errno;
}

export type Run = Case['run'];
type Extra = Pick<Case, 'needs' | 'options'>;

/** A case that succeeds: `run` asserts, and answers nothing. */
export function success(name: Preview1Function, when: string, run: (guest: Caller, directory: string) => Promise<void>, extra: Extra = {}): Case {
  return {
    function: name,
    answers: 'SUCCESS',
    when,
    run: async (guest, directory): Promise<Errno> => {
      await run(guest, directory);
      return 'SUCCESS';
    },
    ...extra,
  };
}

/** A case that fails with the errno. */
export function failure(name: Preview1Function, answers: Errno, when: string, run: Run, extra: Extra = {}): Case {
  return { function: name, answers, when, run, ...extra };
}

export const writable: Extra = { needs: 'writable volumes' };

/** Descriptors of every caller: the directory is writable, `readOnly` shows the same files. */
export const fd = { stdin: 0, stdout: 1, stderr: 2, directory: 3, readOnly: 4, closed: 40 } as const;

/** Pointers that lie beyond the memory of the caller. */
export const beyond = 0x7fff_0000;

/** `a.txt` "first file", `sub/inner.txt` "inner", `empty/`, `link` → a.txt, `loop` → loop, `dangling` → nowhere. */
export function createFixture(root: string): { directory: string; mounts: readonly GuestMount[] } {
  const directory = mkdtempSync(path.join(root, 'preview1-'));
  for (const folder of ['sub', 'empty']) mkdirSync(path.join(directory, folder));
  writeFileSync(path.join(directory, 'a.txt'), 'first file');
  writeFileSync(path.join(directory, 'sub/inner.txt'), 'inner');
  symlinkSync('a.txt', path.join(directory, 'link'));
  symlinkSync('loop', path.join(directory, 'loop'));
  symlinkSync('nowhere', path.join(directory, 'dangling'));
  return { directory, mounts: [{ guestPath: '/data', hostPath: directory, readOnly: false }, { guestPath: '/ro', hostPath: directory, readOnly: true }] };
}

const read = BigInt(right.FD_READ | right.FD_SEEK | right.FD_TELL | right.FD_ADVISE | right.FD_FILESTAT_GET | right.FD_READDIR | right.POLL_FD_READWRITE | right.FD_SYNC | right.FD_FDSTAT_SET_FLAGS);
const write = BigInt(right.FD_WRITE | right.FD_DATASYNC | right.FD_ALLOCATE | right.FD_FILESTAT_SET_SIZE | right.FD_FILESTAT_SET_TIMES);
const directory = BigInt(
  right.PATH_CREATE_DIRECTORY | right.PATH_CREATE_FILE | right.PATH_OPEN | right.FD_READDIR | right.PATH_READLINK | right.PATH_RENAME_SOURCE | right.PATH_RENAME_TARGET | right.PATH_FILESTAT_GET |
  right.PATH_FILESTAT_SET_TIMES | right.FD_FILESTAT_GET | right.FD_FILESTAT_SET_TIMES | right.PATH_REMOVE_DIRECTORY | right.PATH_UNLINK_FILE | right.FD_SYNC,
);
export const rights = { read, write, both: read | write, directory } as const;

export const oflag = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;

export interface Opening {
  readonly at?: number;
  /** Default: follow. */
  readonly follow?: boolean;
  readonly oflags?: number;
  readonly rights?: bigint;
  readonly fdflags?: number;
}

/** `path_open`; answers the errno. */
export function tryOpen(guest: Caller, name: string | Uint8Array, { at = fd.directory, follow = true, oflags = 0, rights: base = rights.read, fdflags = 0 }: Opening = {}, result = guest.room(4)): Promise<Errno> {
  return guest.call('path_open', at, follow ? 1 : 0, ...guest.text(name), oflags, base, rights.both | rights.directory, fdflags, result);
}

/** Opens what must open and answers its descriptor. */
export async function open(guest: Caller, name: string, opening: Opening = {}): Promise<number> {
  const result = guest.room(4);
  const answer = await tryOpen(guest, name, opening, result);
  assert.equal(answer, 'SUCCESS', `path_open ${name}`);
  return guest.view.getUint32(result, true);
}

/** A new file of the fixture, open for reading and writing. */
export function create(guest: Caller, name: string): Promise<number> {
  return open(guest, name, { oflags: oflag.create, rights: rights.both });
}
