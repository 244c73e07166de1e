/** Modules of 2019 and 2020 import `wasi_unstable`: what differs from today's snapshot, difference by difference (preview0/witx). */
import assert from 'node:assert/strict';
import { linkSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createFixture, fd, open } from './case.ts';
import { withCaller } from './caller.ts';
import type { Caller } from './caller.ts';
import { poll } from './cases/poll.ts';
import { provides, subjects } from './subjects.ts';

const [clockTag, readTag, monotonic] = [0, 1, 1];
const unstableClock = { size: 56, clock: 24 };

let root: string;
before(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'unstable-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

for (const { runtime, isolation, manifest, thread } of subjects) {
  describe(`wasi_unstable on ${runtime}, ${isolation}`, { skip: provides(manifest, 'wasi_unstable', 'fd_seek') ? false : 'the manifest says that it takes no such modules' }, () => {
    const run = async (script: (guest: Caller, directory: string) => Promise<void>): Promise<void> => {
      const { directory, mounts } = createFixture(root);
      const { exit } = await withCaller(thread, { snapshot: 'wasi_unstable', isolation, mounts, stdin: 'typed' }, (guest) => script(guest, directory));
      assert.deepEqual(exit, { kind: 'exit', code: 0 });
    };

    test('fd_seek counts its origins otherwise: here 0, end 1, start 2', () => run(async (guest) => {
      const file = await open(guest, 'a.txt');
      assert.equal(await guest.u64('fd_seek', file, 6n, 2), 6n);
      assert.equal(await guest.u64('fd_seek', file, -2n, 0), 4n);
      assert.equal(await guest.u64('fd_seek', file, -1n, 1), 9n);
      assert.equal(await guest.call('fd_seek', file, 0n, 3, guest.room(8)), 'EINVAL');
    }));

    test('a filestat has 56 bytes, its count of links 32 bits', () => run(async (guest, directory) => {
      linkSync(path.join(directory, 'a.txt'), path.join(directory, 'hard'));
      const real = statSync(path.join(directory, 'a.txt'), { bigint: true });
      for (const ask of [
        async (at: number) => guest.succeed('fd_filestat_get', await open(guest, 'a.txt'), at),
        (at: number) => guest.succeed('path_filestat_get', fd.directory, 1, ...guest.text('a.txt'), at),
      ]) {
        const at = guest.room(64);
        guest.view.setBigUint64(at + 56, 0xeeee_eeeen, true);
        await ask(at);
        assert.deepEqual([0, 8, 24, 40].map((offset) => guest.view.getBigUint64(at + offset, true)), [real.dev, real.ino, 10n, real.mtimeNs]);
        assert.deepEqual([guest.view.getUint8(at + 16), guest.view.getUint32(at + 20, true)], [4, 2]);
        assert.equal(guest.view.getBigUint64(at + 56, true), 0xeeee_eeeen, 'nothing is written behind it');
      }
      const at = guest.room(64);
      guest.view.setBigUint64(at + 56, 0xeeee_eeeen, true);
      await guest.succeed('fd_filestat_get', fd.stdout, at);
      assert.equal(guest.view.getBigUint64(at + 56, true), 0xeeee_eeeen, 'nothing is written behind a stream\'s');
    }));

    test('a subscription has 56 bytes, its clock behind an identifier', () => run(async (guest) => {
      const before = await guest.u64('clock_time_get', monotonic, 0n);
      const events = await poll(guest, [
        { userdata: 1n, kind: clockTag, clock: monotonic, timeout: 3_600_000_000_000n },
        { userdata: 2n, kind: clockTag, clock: monotonic, timeout: 3_000_000n },
      ], unstableClock);
      assert.deepEqual(events.map(({ userdata, error }) => [userdata, error]), [[2n, 0]]);
      assert.ok((await guest.u64('clock_time_get', monotonic, 0n)) - before >= 3_000_000n);
      const ready = await poll(guest, [{ userdata: 3n, kind: clockTag, clock: monotonic, timeout: 3_600_000_000_000n }, { userdata: 4n, kind: readTag, fd: fd.stdin }], unstableClock);
      assert.deepEqual(ready.map(({ userdata, bytes }) => [userdata, bytes]), [[4n, 5n]]);
    }));

    test('all else is the same, and proc_exit ends it', async () => {
      const { exit, host } = await withCaller(thread, { snapshot: 'wasi_unstable', isolation, argv: ['old', 'x'] }, async (guest) => {
        const [count, size] = [guest.room(4), guest.room(4)];
        await guest.succeed('args_sizes_get', count, size);
        assert.equal(guest.view.getUint32(count, true), 2);
        await guest.u32('fd_write', fd.stdout, ...guest.vectors('old times'));
        await guest.call('proc_exit', 7);
      });
      assert.deepEqual(exit, { kind: 'exit', code: 7 });
      assert.equal(host.stdout, 'old times');
    });
  });
}

test('a module of that time that imports what came later does not start', () => {
  const wasi = subjects.find(({ runtime }) => runtime === 'wasi');
  assert.ok(wasi !== undefined && !provides(wasi.manifest, 'wasi_unstable', 'sock_accept'));
});
