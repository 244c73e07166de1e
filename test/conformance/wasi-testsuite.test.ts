/**
 * The preview 1 modules and WASI 0.3 components of WebAssembly/wasi-testsuite (branch prod/testsuite-base), prebuilt, on every
 * runtime that takes them, through `wasmlet run`. They are not part of this repository: the test is skipped where the archive is absent.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { TestContext } from 'node:test';
import { runOperations } from './wasi-testsuite/run-operations.ts';

const repository = path.resolve(import.meta.dirname, '../..');
const archive = process.env.WASI_TESTSUITE ?? path.resolve(repository, '../shared/testdata/wasi-testsuite.tar.xz');
const skip = existsSync(archive) ? false : `no ${archive} (set WASI_TESTSUITE)`;
const concurrency = 2;
const timeoutMilliseconds = 60_000;

/** Modules that a runtime fails, each for a reason that its README gives. A module that begins to pass is a change as well. */
const failing: Readonly<Record<string, readonly string[]>> = {
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
};

const scratch = mkdtempSync(path.join(os.tmpdir(), 'wasi-testsuite-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
if (skip === false) execFileSync('tar', ['-xJf', archive, '-C', scratch]);
const [modules, components] = ['wasm32-wasip1', 'wasm32-wasip3'].map((target) => (skip === false ? programsOf(scratch, target) : [])) as [string[], string[]];

for (const [runtime, expected] of Object.entries(failing)) {
  test(`the upstream suite's preview 1 on ${runtime}`, { skip }, async (t) => {
    assert.equal(modules.length, 72);
    await runAll(t, modules, expected, ['--runtime', runtime]);
  });
}

test("the upstream suite's WASI 0.3 on jco", { skip }, async (t) => {
  assert.equal(components.length, 55);
  // They listen and connect on loopback.
  await runAll(t, components, [], ['--runtime', 'jco', '--host-network', '--addr', '127.0.0.1:0']);
});

async function runAll(t: TestContext, programs: readonly string[], expected: readonly string[], options: readonly string[]): Promise<void> {
  const failed = new Map<string, string>();
  const queue = [...programs];
  const command = [process.execPath, path.join(repository, 'bin/wasmlet.js'), 'run', ...options];
  await Promise.all(Array.from({ length: concurrency }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const failure = await runOperations(file, { command, scratch, timeoutMilliseconds });
      if (failure !== undefined) failed.set(path.basename(file, '.wasm'), failure);
    }
  }));
  t.diagnostic(`${programs.length - failed.size} of ${programs.length} pass`);
  assert.deepEqual([...failed.keys()].sort(), [...expected].sort(), [...failed].map(([name, why]) => `${name}: ${why}`).join('\n'));
  assert.deepEqual([...failed].filter(([, why]) => why === 'timeout'), [], 'none may hang');
}

function programsOf(directory: string, target: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.includes(target) && file.endsWith('.wasm'))
    .map((file) => path.join(directory, file))
    .sort();
}
