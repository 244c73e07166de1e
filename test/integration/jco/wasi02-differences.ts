const isDirectory = 'is-directory';

interface Difference {
  readonly why: string;
  readonly exit?: number;
  /** By a line of wasmtime's: these hosts' line in its place. */
  readonly replace?: Readonly<Record<string, string>>;
  /** The whole output. */
  readonly stdout?: string;
}

const readOnly = ['write', 'truncate', 'create', 'mkdir', 'rmdir', 'unlink', 'symlink', 'link', 'link out', 'rename', 'rename out', 'set-times', 'set-times-at', 'mutate'];

/** Where these hosts do not answer as wasmtime does. */
export const differences: Readonly<Record<string, Difference>> = {
  'cli cwd': { why: 'a container has a working directory', replace: { none: 'cwd: /' } },
  'io splice': {
    why: 'a file is read at once; wasmtime reads it in the background and answers 0 meanwhile',
    stdout: 'spliced\nblocking-splice: 7\n content\nsplice: 8\nat the end: closed\n',
  },
  'io errors': { why: 'WIT lets write-via-stream refuse a file that cannot be written; wasmtime gives a stream that fails', stdout: 'a stream: false\ncode: 3\n' },
  'io zero-lengths': { why: 'WIT: reading 0 bytes of an open stream succeeds', replace: { 'blocking-read: closed': 'blocking-read: 0' } },
  'clocks extremes': { why: 'an instant that has passed is ready at once', replace: { 'past: false': 'past: true' } },
  'timezone timezone': { why: 'wasmtime has no timezone', exit: 0, stdout: 'name: UTC\noffset: 0\ndaylight saving: false\nutc-offset: 0\n' },
  'filesystem sizes': { why: 'a directory is named as one', replace: { 'a directory: bad-descriptor': `a directory: ${isDirectory}` } },
  'filesystem times': { why: 'a second has no more than 999,999,999 nanoseconds', replace: { 'too many nanoseconds: ok': 'too many nanoseconds: invalid' } },
  'filesystem streams': {
    why: 'a directory is named as one',
    replace: { 'to a directory: bad-descriptor': `to a directory: ${isDirectory}`, 'onto a directory: bad-descriptor': `onto a directory: ${isDirectory}` },
  },
  'filesystem synchronizing': { why: 'a directory is named as one', replace: { 'of a directory: bad-descriptor': `of a directory: ${isDirectory}` } },
  'filesystem read-only': {
    why: 'WIT: without mutate-directory these fail with read-only; the size of what was opened for reading is no matter of the mount',
    replace: { ...Object.fromEntries(readOnly.map((label) => [`${label}: not-permitted`, `${label}: read-only`])), 'set-size: not-permitted': 'set-size: invalid' },
  },
  'filesystem many-open': { why: '0.2 has no word for too many open files', replace: { 'then: io': 'then: insufficient-memory' } },
};
