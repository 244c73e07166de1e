/** What of WebAssembly/wasi-testsuite each runtime passes: wasi-testsuite.test.ts holds them to it, docs/reference/runtimes.md shows it. */
export interface UpstreamSuite {
  readonly programs: number;
  /** Programs that a runtime fails, each for the reason beside it. One that begins to pass is a change as well. */
  readonly failing: Readonly<Record<string, readonly string[]>>;
}

export const upstreamSuites = {
  'preview 1': {
    programs: 72,
    failing: {
      wasi: [],
      'node-wasi': [
        // It makes no symbolic links.
        'nofollow_errors', 'path_exists', 'path_symlink_trailing_slashes', 'readlink', 'symlink_create', 'symlink_filestat',
        // uvwasi: times cut to seconds, no `.` and `..` in a listing, flags of an open file.
        'fd_filestat_set', 'fd_readdir', 'path_filestat', 'truncation_rights',
      ],
      wasmer: [
        // Volumes are read-only copies, and these begin by making something.
        'dangling_fd', 'directory_seek', 'fd_advise', 'fd_fdstat_set_rights', 'fd_filestat_set', 'fd_flags_set', 'fd_readdir', 'file_allocate',
        'file_pread_pwrite', 'file_seek_tell', 'file_truncation', 'file_unbuffered_write', 'fstflags_validate', 'interesting_paths', 'isatty', 'nofollow_errors',
        'overwrite_preopen', 'path_exists', 'path_filestat', 'path_link', 'path_open_create_existing', 'path_open_dirfd_not_dir', 'path_open_missing',
        'path_open_preopen', 'path_open_read_write', 'path_rename', 'path_rename_dir_trailing_slashes', 'path_symlink_trailing_slashes', 'pwrite-with-access',
        'pwrite-with-append', 'readlink', 'remove_directory_trailing_slashes', 'remove_nonempty_directory', 'renumber', 'stdio', 'symlink_create',
        'symlink_filestat', 'symlink_loop', 'truncation_rights', 'unlink_file_trailing_slashes',
        // Wasmer: one inode for every file, a directory that can be sought.
        'dir_fd_op_failures', 'fdopendir-with-access',
      ],
    },
  },
  'WASI 0.3': { programs: 55, failing: { jco: [] } },
} as const satisfies Readonly<Record<string, UpstreamSuite>>;
