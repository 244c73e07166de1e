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
  'filesystem read-only': {
    why: 'WIT: without mutate-directory these fail with read-only; the size of what was opened for reading is no matter of the mount',
    replace: { ...Object.fromEntries(readOnly.map((label) => [`${label}: not-permitted`, `${label}: read-only`])), 'set-size: not-permitted': 'set-size: invalid' },
  },
  'http fields': {
    why: 'WIT: in the order in which they will be sent; wasmtime groups them by name',
    stdout: 'append: ok\nappend: ok\nappend again: ok\n  x-one = 1\n  x-two = 2\n  x-one = 3\nx-one: 2\nX-Two: 1\nx-none: 0\nnot a name: 0\nhas: true\nhas none: false\n'
      + 'set: ok\nx-one: 2\nset none: ok\nhas: false\ndelete: ok\ndelete again: ok\n',
  },
  'http from-list': {
    why: 'as above',
    stdout: 'from-list: ok\n  a = 1\n  b = 2\n  a = 3\nwith a bad name: invalid-syntax\nwith a forbidden name: forbidden\n',
  },
  'http get-trailers': { why: 'WIT: in the original casing', replace: { '  x-trail = end': '  X-Trail = end' } },
  'http get-cut': { why: 'WIT lets http-error-code say what became of the body', replace: { 'code: none': 'code: HTTP-response-incomplete' } },
  'http post-trailers': {
    why: 'trailers are sent; wasmtime loses them where nothing announces them',
    replace: { 'body: POST posted length=undefined trailer=undefined': 'body: POST posted length=undefined trailer=sent', 'length: 46': 'length: 41' },
  },
  'http first-byte-timeout': { why: 'the proxy status registry, which the codes are from, has a name for it', replace: { 'error: connection-read-timeout': 'error: HTTP-response-timeout' } },
  'filesystem many-open': { why: '0.2 has no word for too many open files', replace: { 'then: io': 'then: insufficient-memory' } },
};
