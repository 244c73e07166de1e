/**
 * One suite for every runtime that takes core modules. `expected` says where a runtime differs, and its manifest or README
 * says why; nothing is skipped in silence. The engine has its own tests: here a guest runs in the test's thread.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import loadWabt from 'wabt';
import type { GuestExit, RuntimeManifest, RuntimeThread } from '../../core/api/runtime.ts';
import type { GuestMount } from '../../core/guest/host.ts';
import { TestGuestHost } from '../support/guest-host.ts';
import type { TestGuestOptions } from '../support/guest-host.ts';

interface Subject {
  readonly runtime: string;
  readonly isolation: 'dedicated' | 'shared';
  /** Volumes are read-only copies made at start. */
  readonly copies: boolean;
  /** The guest may make symbolic links. */
  readonly links: boolean;
}

const subjects: readonly Subject[] = [
  { runtime: 'wasi', isolation: 'dedicated', copies: false, links: true },
  { runtime: 'wasi', isolation: 'shared', copies: false, links: true },
  { runtime: 'node-wasi', isolation: 'dedicated', copies: false, links: false },
  { runtime: 'wasmer', isolation: 'dedicated', copies: true, links: false },
];

const wabt = await loadWabt();
const probe = new WebAssembly.Module(readFileSync(path.join(import.meta.dirname, 'fixtures/probe.wasm')));

function wat(text: string): WebAssembly.Module {
  const parsed = wabt.parseWat('test.wat', text);
  try {
    return new WebAssembly.Module(Buffer.from(parsed.toBinary({}).buffer));
  } finally {
    parsed.destroy();
  }
}

interface Outcome {
  readonly exit: GuestExit;
  readonly stdout: string;
  readonly stderr: string;
  readonly host: TestGuestHost;
}

type Options = TestGuestOptions & { readonly module?: WebAssembly.Module; readonly env?: readonly (readonly [string, string])[]; readonly exhausted?: boolean };

let root: string;
before(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'conformance-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

function volume(contents: Record<string, string>, mount: Partial<GuestMount> = {}): GuestMount {
  const hostPath = mkdtempSync(path.join(root, 'volume-'));
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(path.dirname(path.join(hostPath, name)), { recursive: true });
    writeFileSync(path.join(hostPath, name), text);
  }
  return { guestPath: '/data', hostPath, readOnly: false, ...mount };
}

function descriptorCount(): number {
  return readdirSync('/proc/self/fd').length;
}

for (const { runtime, isolation, copies, links } of subjects) {
  const { start } = (await import(`../../runtimes/${runtime}/thread.ts`)) as RuntimeThread;

  const run = async (argv: readonly string[], options: Options = {}): Promise<Outcome> => {
    const host = new TestGuestHost({ ...options, isolation });
    host.exhausted = options.exhausted ?? false;
    // A suspended guest alone does not keep the process alive.
    const alive = setInterval(() => {}, 1000);
    try {
      const exit = await start(
        { containerId: 'test', argv: ['probe', ...argv], env: options.env ?? [], cwd: '/', isolation, tty: options.tty ?? false, modules: { main: options.module ?? probe } },
        host,
      );
      return { exit, stdout: host.stdout, stderr: host.stderr, host };
    } finally {
      clearInterval(alive);
    }
  };
  const output = async (argv: readonly string[], options?: Options): Promise<string> => (await run(argv, options)).stdout;

  describe(`${runtime}, ${isolation}`, () => {
    test('the manifest declares what the suite assumes', () => {
      const { contributes } = JSON.parse(readFileSync(path.join(import.meta.dirname, `../../runtimes/${runtime}/plugin.json`), 'utf8')) as { contributes: { runtimes: RuntimeManifest[] } };
      const [manifest] = contributes.runtimes;
      assert.equal(manifest?.name, runtime);
      assert.equal(manifest.isolation.includes(isolation), true);
      assert.equal(manifest.features?.volumes, copies ? 'copy' : 'live');
    });

    test('arguments and environment are the ones given, and no others', async () => {
      const env = [['NAME', 'value'], ['EMPTY', ''], ['UNICODE', 'zażółć']] as const;
      assert.equal(await output(['strings', 'two words', 'ż'], { env }), 'arg probe\narg strings\narg two words\narg ż\nenv NAME=value\nenv EMPTY=\nenv UNICODE=zażółć\n');
    });

    test('exit codes pass through', async () => {
      for (const code of [0, 1, 42, 255]) assert.deepEqual((await run(['exit', String(code)])).exit, { kind: 'exit', code });
    });

    test('a trap is one, with its text and function', async () => {
      const { exit } = await run(['abort']);
      assert.equal(exit.kind, 'trap');
      assert.match(exit.kind === 'trap' ? exit.message : '', /^unreachable/);
    });

    test('a stack without end is a trap', async () => {
      const module = wat(`(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32))) (memory (export "memory") 1)
        (func $deep (param i32) (result i32) (i32.add (local.get 0) (call $deep (i32.add (local.get 0) (i32.const 1)))))
        (func (export "_start") (drop (call $yield)) (drop (call $deep (i32.const 0)))))`);
      const { exit } = await run([], { module });
      assert.equal(exit.kind, 'trap');
      assert.match(exit.kind === 'trap' ? exit.message : '', /call stack exhausted/);
    });

    test('a trap at the memory limit is the limit\'s doing', async () => {
      assert.equal((await run(['abort'], { exhausted: true })).exit.kind, 'out-of-memory');
    });

    test('what cannot begin says why', async () => {
      const importing = (name: string): WebAssembly.Module => wat(`(module (import "wasi_snapshot_preview1" "${name}" (func)) (memory (export "memory") 1) (func (export "_start")))`);
      const unknown = (await run([], { module: importing('no_such_call') })).exit;
      assert.equal(unknown.kind === 'start-error' && unknown.code, 'IMPORT_UNKNOWN');
      const entry = wat('(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) (memory (export "memory") 1) (func (export "main")))');
      const missing = (await run([], { module: entry })).exit;
      assert.equal(missing.kind === 'start-error' && missing.code, 'ENTRY_POINT_MISSING');
    });

    test('stdout and stderr are kept apart', async () => {
      const { stdout, stderr } = await run(['stderr']);
      assert.deepEqual([stdout, stderr], ['', 'to stderr\n']);
    });

    test('stdin is read to its end', async () => {
      assert.equal(await output(['echo'], { stdin: 'one\ntwo\n' }), 'got one\ngot two\nend\n');
      assert.equal(await output(['echo']), 'end\n');
      assert.equal(await output(['poll'], { stdin: 'x' }), 'poll 1\n');
    });

    test('a terminal is one only where there is one', async () => {
      assert.equal(await output(['isatty'], { tty: true }), 'tty\n');
      assert.equal(await output(['isatty']), 'no tty\n');
    });

    test('clocks tell the time, and sleeping takes as long as asked', async () => {
      const [, seconds] = /^realtime (\d+)\nmonotonic rises\n$/.exec(await output(['clocks'])) ?? [];
      assert.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 60, `${seconds}`);
      assert.equal(await output(['sleep', '20']), 'slept\n');
    });

    test('a full output ring holds the guest and loses nothing', async () => {
      assert.equal(await output(['strings', 'x'], { fullBefore: 2 }), 'arg probe\narg strings\narg x\n');
    });

    test('the first host call and memory are reported', async () => {
      const { host } = await run(['grow']);
      assert.ok(host.touches > 0);
      assert.ok(host.memoryBytes > 64 << 20, String(host.memoryBytes));
    });

    test('files are read, also those of a volume that is swapped atomically', async () => {
      const mount = volume({ 'a.txt': 'first', 'sub/b.txt': 'second', '..v1/key': 'value' });
      symlinkSync('..v1', path.join(mount.hostPath, '..data'));
      symlinkSync('..data/key', path.join(mount.hostPath, 'key'));
      for (const [name, text] of [['a.txt', 'first'], ['sub/b.txt', 'second'], ['key', 'value']] as const) assert.equal(await output(['cat', `/data/${name}`], { mounts: [mount] }), text, name);
      assert.equal(await output(['ls', '/data'], { mounts: [mount] }).then((text) => text.split('\n').sort().join(' ')), ' a.txt key sub');
      mkdirSync(path.join(mount.hostPath, '..v2'));
      writeFileSync(path.join(mount.hostPath, '..v2/key'), 'newer');
      symlinkSync('..v2', path.join(mount.hostPath, '..data_tmp'));
      renameSync(path.join(mount.hostPath, '..data_tmp'), path.join(mount.hostPath, '..data'));
      assert.equal(await output(['cat', '/data/key'], { mounts: [mount] }), 'newer');
    });

    test('several mounts are kept apart, and what is not mounted is not there', async () => {
      const mounts = [volume({ file: 'one' }, { guestPath: '/one' }), volume({ file: 'two' }, { guestPath: '/two' })];
      assert.equal(await output(['cat', '/one/file'], { mounts }), 'one');
      assert.equal(await output(['cat', '/two/file'], { mounts }), 'two');
      assert.match(await output(['cat', '/etc/hostname'], { mounts }), /^open: /);
      assert.match(await output(['cat', '/one/../../../../../etc/hostname'], { mounts }), /^open: /);
    });

    test(copies ? 'a copied volume refuses to be written' : 'a volume is written on the host', async () => {
      const mount = volume({});
      const text = await output(['write', '/data/new'], { mounts: [mount] });
      if (copies) {
        assert.equal(text, 'open: Read-only file system\n');
        assert.deepEqual(readdirSync(mount.hostPath), []);
      } else {
        assert.equal(text, 'open: ok\nwrite: ok\n');
        assert.equal(readFileSync(path.join(mount.hostPath, 'new'), 'utf8'), 'written');
      }
    });

    test('a read-only volume refuses every change', async () => {
      const mount = volume({ file: 'text' }, { readOnly: true });
      const refused = ['unlink', 'mkdir', 'rename', 'create'].map((change) => `${change}: Read-only file system\n`).join('');
      assert.equal(await output(['change', '/data'], { mounts: [mount] }), refused);
      assert.equal(await output(['write', '/data/file'], { mounts: [mount] }), 'open: Read-only file system\n');
      assert.deepEqual(readdirSync(mount.hostPath), ['file']);
      assert.equal(await output(['cat', '/data/file'], { mounts: [mount] }), 'text');
    });

    test('links out of a volume, whoever made them, are not followed', async () => {
      writeFileSync(path.join(root, 'secret'), 'secret');
      const mount = volume({ 'inner/file': 'text', 'sub/deep/x': '' });
      const into = (name: string, target: string): void => symlinkSync(target, path.join(mount.hostPath, name));
      into('up', '..');
      into('file', '../secret');
      into('absolute', root);
      into('absolute-file', path.join(root, 'secret'));
      into('chain', 'up');
      into('sub/odd', '../sub/deep/../../up/secret');
      for (const name of ['up/secret', 'file', 'absolute/secret', 'absolute-file', 'chain/secret', 'sub/odd', 'sub/../up/secret']) {
        assert.match(await output(['cat', `/data/${name}`], { mounts: [mount] }), /^open: /, name);
        assert.doesNotMatch(await output(['write', `/data/${name}`], { mounts: [mount] }), /write: ok/, name);
      }
      assert.equal(readFileSync(path.join(root, 'secret'), 'utf8'), 'secret');
      assert.match(await output(['ls', '/data/up'], { mounts: [mount] }), /^opendir: /);
    });

    test(links ? 'the guest makes links, of use inside' : 'the guest makes no links', async () => {
      const mount = volume({ file: 'text' });
      const text = await output(['symlink', '/data/link', 'file'], { mounts: [mount] });
      assert.equal(text, links ? 'symlink: ok\n' : 'symlink: Operation not permitted\n');
      assert.equal(existsSync(path.join(mount.hostPath, 'link')), links);
      assert.match(await output(['symlink', '/data/absolute', '/etc'], { mounts: [mount] }), /Capabilities insufficient|Operation not permitted/);
    });

    test('a FIFO in a volume holds nobody', async () => {
      const mount = volume({});
      execFileSync('mkfifo', [path.join(mount.hostPath, 'fifo')]);
      assert.match(await output(['cat', '/data/fifo'], { mounts: [mount] }), /^open: /);
    });

    test('descriptors are counted, capped and closed', async () => {
      const mount = volume({ file: 'text' });
      const before = descriptorCount();
      const { stdout, host } = await run(['open-many', '/data/file'], { mounts: [mount], descriptors: 20 });
      assert.equal(stdout, '16 then No file descriptors available\n');
      assert.equal(host.descriptors, 0);
      assert.equal(descriptorCount(), before);
    });

    test('a guest that traps with files open leaves none open', async () => {
      const mount = volume({ file: 'text' });
      const before = descriptorCount();
      assert.equal((await run(['abort'], { mounts: [mount] })).exit.kind, 'trap');
      assert.equal(descriptorCount(), before);
    });
  });
}
