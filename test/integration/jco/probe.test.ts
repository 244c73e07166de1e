/** A C program, made a component by the adapter: the hosts as a libc uses them. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, link, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { GuestMount } from '../../../core/guest/host.ts';
import { PreparedComponent, componentOf, fixture } from './component-bed.ts';
import type { ComponentRun } from './component-bed.ts';

let probe: PreparedComponent;
before(async () => {
  probe = await PreparedComponent.prepare(await componentOf(fixture('test/fixtures/jco/probe.wasm')));
});
after(() => probe[Symbol.asyncDispose]());

interface Outcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[], options: ComponentRun = {}): Promise<Outcome> {
  const { exit, host } = await probe.run({ ...options, argv: ['probe', ...args] });
  assert.equal(host.descriptors, 0, 'everything is closed at the end');
  assert.ok(host.touches > 0);
  return { code: exit.kind === 'exit' ? exit.code : exit.kind, stdout: host.stdout, stderr: host.stderr };
}

const ok = (stdout = ''): Outcome => ({ code: 0, stdout, stderr: '' });
/** A program that fails exits with 1: the adapter knows no other code. */
const failed = (stderr: string, stdout = ''): Outcome => ({ code: 1, stdout, stderr: `${stderr}\n` });

test('the hello program: streams, environment, arguments', async () => {
  await using hello = await PreparedComponent.prepare(fixture('examples/hello/hello.component.wasm'));
  const { exit, host } = await hello.run({ argv: ['hello', 'one', 'zwei ß'], env: [['TOKEN', 'a=b'], ['HELLO_SLEEP_MS', '0']] });
  assert.deepEqual(exit, { kind: 'exit', code: 0 });
  assert.equal(host.stdout, 'hello from stdout!\nTOKEN=a=b\nHELLO_SLEEP_MS=0\none\nzwei ß\n');
  assert.equal(host.stderr, 'hello from stderr!\n');
});

test('exit codes, traps, memory', async () => {
  assert.equal((await run(['exit', '0'])).code, 0);
  assert.equal((await run(['exit', '9'])).code, 1);
  assert.equal((await run(['trap'])).code, 'trap');
  const { host } = await probe.run({ argv: ['probe', 'grow', '5'] });
  assert.ok(host.memoryBytes > 5 * 1024 * 1024, `${host.memoryBytes}`);
  assert.equal((await run(['grow', '100'])).code, 'out-of-memory', 'abort at the limit of 64 MiB');
});

test('stdin: what is there, then its end', async () => {
  assert.deepEqual(await run(['stdin'], { stdin: 'line one\nline two\n' }), ok('line one\nline two\n'));
  assert.deepEqual(await run(['stdin']), ok());
  const much = 'x'.repeat(200_000);
  assert.equal((await run(['stdin'], { stdin: much })).stdout, much);
});

test('output that the ring has no room for waits, and none of it is lost', async () => {
  const expected = Array.from({ length: 300_000 }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
  assert.equal((await run(['flood', '300000'], { fullBefore: 1 })).stdout, expected);
});

test('poll on stdin: at its end, with bytes', async () => {
  assert.deepEqual(await run(['poll-stdin', '1000'], { stdin: 'x' }), ok('1\n'));
  assert.deepEqual(await run(['poll-stdin', '1000']), ok('1\n'), 'the end can be read');
});

test('clocks: the time of day, and sleeping takes its time', async () => {
  const seconds = Math.floor(Date.now() / 1000);
  const { stdout } = await run(['clocks']);
  const [realtime = Number.NaN, slept = Number.NaN] = stdout.split(' ').map(Number);
  assert.ok(realtime >= seconds && realtime <= seconds + 60, stdout);
  assert.ok(slept >= 20_000_000, stdout);
});

test('random bytes differ from run to run', async () => {
  const [first, second] = [await run(['random']), await run(['random'])];
  assert.match(first.stdout, /^[0-9a-f]{32}\n$/);
  assert.notEqual(first.stdout, second.stdout);
});

test('a terminal is one only with tty', async () => {
  assert.deepEqual(await run(['tty']), ok('000\n'));
  assert.deepEqual(await run(['tty'], { tty: true }), ok('111\n'));
});

describe('files', () => {
  let root: string;
  let mounts: GuestMount[];
  const at = (...names: string[]): string => path.join(root, ...names);
  const text = (...names: string[]): Promise<string> => readFile(at(...names), 'utf8');

  beforeEach(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-jco-files-'));
    await Promise.all([mkdir(at('data', 'sub'), { recursive: true }), mkdir(at('config'))]);
    await Promise.all([writeFile(at('data', 'a'), 'alpha'), writeFile(at('config', 'key'), 'value'), writeFile(at('secret'), 'secret')]);
    mounts = [
      { guestPath: '/config', hostPath: at('config'), readOnly: true },
      { guestPath: '/data', hostPath: at('data'), readOnly: false },
    ];
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const files = (...args: string[]): Promise<Outcome> => run(args, { mounts });

  test('read, write, append, truncate', async () => {
    assert.deepEqual(await files('cat', '/data/a'), ok('alpha'));
    assert.deepEqual(await files('write', '/data/b', 'one'), ok());
    assert.deepEqual(await files('append', '/data/b', ' two'), ok());
    assert.equal(await text('data', 'b'), 'one two');
    assert.deepEqual(await files('truncate', '/data/b', '3'), ok());
    assert.equal(await text('data', 'b'), 'one');
    assert.deepEqual(await files('create', '/data/b', 'x'), failed('open: File exists'));
    assert.deepEqual(await files('cat', '/data/none'), failed('open: No such file or directory'));
    assert.deepEqual(await files('cat', '/elsewhere'), failed('open: Capabilities insufficient'));
    assert.deepEqual(await files('write', '/data/sub', 'x'), failed('open: Is a directory'));
  });

  test('large files pass through streams whole', async () => {
    const large = 'y'.repeat(500_000);
    await writeFile(at('data', 'large'), large);
    assert.equal((await files('cat', '/data/large')).stdout, large);
  });

  test('directories', async () => {
    assert.deepEqual(await files('mkdir', '/data/new'), ok());
    assert.deepEqual(await files('mkdir', '/data/new'), failed('mkdir: File exists'));
    const { stdout } = await files('list', '/data');
    assert.deepEqual(stdout.trim().split('\n').sort(), ['. 3', '.. 3', 'a 4', 'new 3', 'sub 3']);
    assert.deepEqual(await files('rmdir', '/data/new'), ok());
    await writeFile(at('data', 'sub', 'x'), '');
    assert.deepEqual(await files('rmdir', '/data/sub'), failed('rmdir: Directory not empty'));
    assert.deepEqual(await files('list', '/data/a'), failed('opendir: Not a directory'));
  });

  test('status, links, names', async () => {
    assert.deepEqual(await files('stat', '/data/a'), ok('file 5\n'));
    assert.deepEqual(await files('symlink', 'a', '/data/l'), ok());
    assert.deepEqual(await files('readlink', '/data/l'), ok('a\n'));
    assert.deepEqual(await files('lstat', '/data/l'), ok('link 1\n'));
    assert.deepEqual(await files('stat', '/data/l'), ok('file 5\n'));
    assert.deepEqual(await files('link', '/data/a', '/data/hard'), ok());
    assert.equal((await stat(at('data', 'a'))).nlink, 2);
    assert.deepEqual(await files('rename', '/data/hard', '/data/sub/moved'), ok());
    assert.equal(existsSync(at('data', 'sub', 'moved')), true);
    assert.deepEqual(await files('unlink', '/data/sub/moved'), ok());
    assert.deepEqual(await files('unlink', '/data/sub'), failed('unlink: Is a directory'));
    assert.deepEqual(await files('rename', '/data/a', '/config/a'), failed('rename: Read-only file system'));
  });

  test('times, to the nanosecond', async () => {
    assert.deepEqual(await files('touch', '/data/a', '1000000000'), ok());
    assert.equal((await stat(at('data', 'a'), { bigint: true })).mtimeNs, 1_000_000_000_000_000_005n);
  });

  test('a read-only mount stays as it is', async () => {
    assert.deepEqual(await files('cat', '/config/key'), ok('value'));
    for (const [args, says] of [
      [['write', '/config/key', 'x'], 'open'], [['create', '/config/new', 'x'], 'open'], [['mkdir', '/config/d'], 'mkdir'], [['unlink', '/config/key'], 'unlink'],
      [['symlink', 'a', '/config/l'], 'symlink'], [['touch', '/config/key', '1'], 'utimensat'], [['truncate', '/config/key', '0'], 'truncate'],
    ] as const) {
      assert.deepEqual(await files(...args), failed(`${says}: Read-only file system`), args.join(' '));
    }
    assert.deepEqual(readdirSync(at('config')), ['key']);
    assert.equal(await text('config', 'key'), 'value');
  });

  test('no way leads out of the mounts', async () => {
    await symlink(at('secret'), at('data', 'host-link'));
    await symlink('../secret', at('data', 'up-link'));
    await symlink('..', at('data', 'sub', 'parent'));
    for (const name of ['/data/../secret', '/data/host-link', '/data/up-link', '/data/sub/parent/../secret', '/data/sub/../../secret']) {
      const outcome = await files('cat', name);
      assert.equal(outcome.code, 1, name);
      assert.equal(outcome.stdout, '', name);
      assert.match(outcome.stderr, /^open: (Operation not permitted|Capabilities insufficient|No such file or directory)/, name);
    }
  });

  test('what could block is not opened', async (context) => {
    const { spawnSync } = await import('node:child_process');
    if (spawnSync('mkfifo', [at('data', 'fifo')]).status !== 0) return context.skip('no mkfifo here');
    assert.deepEqual(await files('cat', '/data/fifo'), failed('open: Not supported'));
  });

  test('a file that the node may not read', async (context) => {
    if (process.getuid?.() === 0) return context.skip('root may read everything');
    await chmod(at('data', 'a'), 0);
    assert.deepEqual(await files('cat', '/data/a'), failed('open: Permission denied'));
  });

  test('descriptors are counted: the limit refuses, the end closes', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const openBefore = descriptors();
    const { stdout, stderr, code } = await run(['hold', '/data/a', '100'], { mounts, descriptors: 20 });
    // Two of the twenty are the mounts.
    assert.deepEqual([stdout, stderr, code], ['18\n', 'open: Out of memory\n', 1]);
    assert.deepEqual(await run(['hold', '/data/a', '100'], { mounts, descriptors: 200 }), ok('100\n'));
    assert.equal(descriptors(), openBefore);
  });

  test('hard links of a file count as one object', async () => {
    await link(at('data', 'a'), at('data', 'same'));
    assert.deepEqual(await files('stat', '/data/same'), ok('file 5\n'));
  });
});
