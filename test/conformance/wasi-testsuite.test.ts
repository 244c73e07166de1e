/**
 * The preview-1 modules of WebAssembly/wasi-testsuite (branch prod/testsuite-base), prebuilt, on every runtime that takes
 * them, through `wasmlet run`. They are not part of this repository: the test is skipped where the archive is absent.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

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

/** The file beside a module that says how to run it and what must come out. */
interface Expectation {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A directory beside the module, mounted at `/`. */
  readonly root?: string;
  readonly exit_code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

const scratch = mkdtempSync(path.join(os.tmpdir(), 'wasi-testsuite-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
if (skip === false) execFileSync('tar', ['-xJf', archive, '-C', scratch]);
const modules = skip === false ? preview1Modules(scratch) : [];

for (const [runtime, expected] of Object.entries(failing)) {
  test(`the upstream suite on ${runtime}`, { skip }, async (t) => {
    assert.equal(modules.length, 72);
    const failed = new Map<string, string>();
    const queue = [...modules];
    await Promise.all(Array.from({ length: concurrency }, async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        const failure = await runModule(runtime, file);
        if (failure !== undefined) failed.set(path.basename(file, '.wasm'), failure);
      }
    }));
    t.diagnostic(`${modules.length - failed.size} of ${modules.length} pass`);
    assert.deepEqual([...failed.keys()].sort(), [...expected].sort(), [...failed].map(([name, why]) => `${name}: ${why}`).join('\n'));
    assert.deepEqual([...failed].filter(([, why]) => why === 'timeout'), [], 'none may hang');
  });
}

function preview1Modules(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.includes('wasm32-wasip1') && file.endsWith('.wasm'))
    .map((file) => path.join(directory, file))
    .sort();
}

/** Undefined when it passes, else what was wrong. */
async function runModule(runtime: string, file: string): Promise<string | undefined> {
  const described = file.replace(/\.wasm$/, '.json');
  const expectation = (existsSync(described) ? JSON.parse(readFileSync(described, 'utf8')) : {}) as Expectation;
  const own = mkdtempSync(path.join(scratch, 'run-'));
  try {
    const options = Object.entries(expectation.env ?? {}).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    if (expectation.root !== undefined) {
      const root = path.join(own, 'root');
      cpSync(path.join(path.dirname(file), expectation.root), root, { recursive: true, verbatimSymlinks: true });
      options.push('--dir', `${root}::/`);
    }
    const { code, stdout, stderr } = await wasmletRun([...options, '--runtime', runtime, file, ...(expectation.args ?? [])]);
    if (code === null) return 'timeout';
    if (code !== (expectation.exit_code ?? 0)) return `exit code ${code}; ${stderr.slice(0, 300)}`;
    if (expectation.stdout !== undefined && stdout !== expectation.stdout) return `stdout ${JSON.stringify(stdout)}`;
    if (expectation.stderr !== undefined && stderr !== expectation.stderr) return `stderr ${JSON.stringify(stderr)}`;
    return undefined;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** `code` is null when it had to be killed. */
function wasmletRun(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [path.join(repository, 'bin/wasmlet.js'), 'run', ...args], { timeout: timeoutMilliseconds, killSignal: 'SIGKILL' }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }));
    child.stdin?.end();
  });
}
