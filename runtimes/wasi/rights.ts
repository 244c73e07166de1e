/**
 * Rights of preview 1 (`rights` in wasi_snapshot_preview1.witx), by bit; numbers, since an i64's bigint costs an allocation
 * and there are 30.
 */
export const right = {
  FD_DATASYNC: 1 << 0,
  FD_READ: 1 << 1,
  FD_SEEK: 1 << 2,
  FD_FDSTAT_SET_FLAGS: 1 << 3,
  FD_SYNC: 1 << 4,
  FD_TELL: 1 << 5,
  FD_WRITE: 1 << 6,
  FD_ADVISE: 1 << 7,
  FD_ALLOCATE: 1 << 8,
  PATH_CREATE_DIRECTORY: 1 << 9,
  PATH_CREATE_FILE: 1 << 10,
  PATH_LINK_SOURCE: 1 << 11,
  PATH_LINK_TARGET: 1 << 12,
  PATH_OPEN: 1 << 13,
  FD_READDIR: 1 << 14,
  PATH_READLINK: 1 << 15,
  PATH_RENAME_SOURCE: 1 << 16,
  PATH_RENAME_TARGET: 1 << 17,
  PATH_FILESTAT_GET: 1 << 18,
  PATH_FILESTAT_SET_SIZE: 1 << 19,
  PATH_FILESTAT_SET_TIMES: 1 << 20,
  FD_FILESTAT_GET: 1 << 21,
  FD_FILESTAT_SET_SIZE: 1 << 22,
  FD_FILESTAT_SET_TIMES: 1 << 23,
  PATH_SYMLINK: 1 << 24,
  PATH_REMOVE_DIRECTORY: 1 << 25,
  PATH_UNLINK_FILE: 1 << 26,
  POLL_FD_READWRITE: 1 << 27,
  SOCK_SHUTDOWN: 1 << 28,
  SOCK_ACCEPT: 1 << 29,
} as const;

const directoryBase =
  right.FD_FDSTAT_SET_FLAGS | right.FD_SYNC | right.FD_ADVISE | right.PATH_CREATE_DIRECTORY | right.PATH_CREATE_FILE | right.PATH_LINK_SOURCE | right.PATH_LINK_TARGET |
  right.PATH_OPEN | right.FD_READDIR | right.PATH_READLINK | right.PATH_RENAME_SOURCE | right.PATH_RENAME_TARGET | right.PATH_FILESTAT_GET | right.PATH_FILESTAT_SET_SIZE |
  right.PATH_FILESTAT_SET_TIMES | right.FD_FILESTAT_GET | right.FD_FILESTAT_SET_TIMES | right.PATH_SYMLINK | right.PATH_REMOVE_DIRECTORY | right.PATH_UNLINK_FILE |
  right.POLL_FD_READWRITE;

const fileBase =
  right.FD_DATASYNC | right.FD_READ | right.FD_SEEK | right.FD_FDSTAT_SET_FLAGS | right.FD_SYNC | right.FD_TELL | right.FD_WRITE | right.FD_ADVISE | right.FD_ALLOCATE |
  right.FD_FILESTAT_GET | right.FD_FILESTAT_SET_SIZE | right.FD_FILESTAT_SET_TIMES | right.POLL_FD_READWRITE;

export interface Rights {
  readonly base: number;
  readonly inheriting: number;
}

/** What a directory can do; a guest may ask for less. */
export const directoryRights: Rights = { base: directoryBase, inheriting: directoryBase | fileBase };

/** What a file can do that was opened for reading, writing or both. */
export function fileRights(access: { readonly read: boolean; readonly write: boolean }): Rights {
  const missing = (access.read ? 0 : right.FD_READ) | (access.write ? 0 : right.FD_WRITE | right.FD_ALLOCATE | right.FD_FILESTAT_SET_SIZE);
  return { base: fileBase & ~missing, inheriting: 0 };
}

export const everyRight: Rights = { base: -1, inheriting: -1 };
export const noRights: Rights = { base: 0, inheriting: 0 };

/** From the i64 arguments of a call; bits that nothing here can have are left out. */
export function rightsFrom(base: bigint, inheriting: bigint): Rights {
  return { base: known(base), inheriting: known(inheriting) };
}

export function intersection(one: Rights, other: Rights): Rights {
  return { base: one.base & other.base, inheriting: one.inheriting & other.inheriting };
}

/** What `one` has and `other` has not. */
export function difference(one: Rights, other: Rights): Rights {
  return { base: one.base & ~other.base, inheriting: one.inheriting & ~other.inheriting };
}

function known(rights: bigint): number {
  return Number(BigInt.asUintN(30, rights));
}
