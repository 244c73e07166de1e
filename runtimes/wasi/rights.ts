/** Rights of preview 1 (`rights` in wasi_snapshot_preview1.witx), by bit. */
const right = {
  FD_DATASYNC: 1n << 0n,
  FD_READ: 1n << 1n,
  FD_SEEK: 1n << 2n,
  FD_FDSTAT_SET_FLAGS: 1n << 3n,
  FD_SYNC: 1n << 4n,
  FD_TELL: 1n << 5n,
  FD_WRITE: 1n << 6n,
  FD_ADVISE: 1n << 7n,
  FD_ALLOCATE: 1n << 8n,
  PATH_CREATE_DIRECTORY: 1n << 9n,
  PATH_CREATE_FILE: 1n << 10n,
  PATH_LINK_SOURCE: 1n << 11n,
  PATH_LINK_TARGET: 1n << 12n,
  PATH_OPEN: 1n << 13n,
  FD_READDIR: 1n << 14n,
  PATH_READLINK: 1n << 15n,
  PATH_RENAME_SOURCE: 1n << 16n,
  PATH_RENAME_TARGET: 1n << 17n,
  PATH_FILESTAT_GET: 1n << 18n,
  PATH_FILESTAT_SET_SIZE: 1n << 19n,
  PATH_FILESTAT_SET_TIMES: 1n << 20n,
  FD_FILESTAT_GET: 1n << 21n,
  FD_FILESTAT_SET_SIZE: 1n << 22n,
  FD_FILESTAT_SET_TIMES: 1n << 23n,
  PATH_SYMLINK: 1n << 24n,
  PATH_REMOVE_DIRECTORY: 1n << 25n,
  PATH_UNLINK_FILE: 1n << 26n,
  POLL_FD_READWRITE: 1n << 27n,
} as const;

export const readRight = right.FD_READ;
export const writeRight = right.FD_WRITE;
export const truncateRight = right.PATH_FILESTAT_SET_SIZE;

const all = Object.values(right).reduce((sum, bit) => sum | bit, 0n);

const directoryBase =
  right.FD_FDSTAT_SET_FLAGS | right.FD_SYNC | right.FD_ADVISE | right.PATH_CREATE_DIRECTORY | right.PATH_CREATE_FILE | right.PATH_LINK_SOURCE | right.PATH_LINK_TARGET |
  right.PATH_OPEN | right.FD_READDIR | right.PATH_READLINK | right.PATH_RENAME_SOURCE | right.PATH_RENAME_TARGET | right.PATH_FILESTAT_GET | right.PATH_FILESTAT_SET_SIZE |
  right.PATH_FILESTAT_SET_TIMES | right.FD_FILESTAT_GET | right.FD_FILESTAT_SET_TIMES | right.PATH_SYMLINK | right.PATH_REMOVE_DIRECTORY | right.PATH_UNLINK_FILE |
  right.POLL_FD_READWRITE;

const fileBase =
  right.FD_DATASYNC | right.FD_READ | right.FD_SEEK | right.FD_FDSTAT_SET_FLAGS | right.FD_SYNC | right.FD_TELL | right.FD_WRITE | right.FD_ADVISE | right.FD_ALLOCATE |
  right.FD_FILESTAT_GET | right.FD_FILESTAT_SET_SIZE | right.FD_FILESTAT_SET_TIMES | right.POLL_FD_READWRITE;

export interface Rights {
  readonly base: bigint;
  readonly inheriting: bigint;
}

/** What a directory can do; a guest may ask for less. */
export const directoryRights: Rights = { base: directoryBase, inheriting: directoryBase | fileBase };

/** What a file can do that was opened for reading, writing or both. */
export function fileRights(access: { readonly read: boolean; readonly write: boolean }): Rights {
  const missing = (access.read ? 0n : right.FD_READ) | (access.write ? 0n : right.FD_WRITE | right.FD_ALLOCATE | right.FD_FILESTAT_SET_SIZE);
  return { base: fileBase & ~missing, inheriting: 0n };
}

/** Standard streams cannot seek; without FD_SEEK and FD_TELL, wasi-libc's isatty trusts the file type. */
export const streamRights = {
  input: { base: right.FD_READ | right.FD_FDSTAT_SET_FLAGS | right.FD_FILESTAT_GET | right.POLL_FD_READWRITE, inheriting: 0n },
  output: { base: right.FD_WRITE | right.FD_FDSTAT_SET_FLAGS | right.FD_FILESTAT_GET | right.POLL_FD_READWRITE, inheriting: 0n },
} as const satisfies Record<string, Rights>;

/** True when `wanted` holds nothing that `held` lacks: rights are only ever given up. */
export function isNarrower(wanted: Rights, held: Rights): boolean {
  return ((wanted.base & ~held.base) | (wanted.inheriting & ~held.inheriting)) === 0n;
}

/** The bits that preview 1 defines. */
export function isKnown(rights: Rights): boolean {
  return ((rights.base | rights.inheriting) & ~all) === 0n;
}
