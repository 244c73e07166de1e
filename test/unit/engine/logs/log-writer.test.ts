import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createLogLink, logLinkPath } from '../../../../core/engine/logs/log-link.ts';
import { LogWriter } from '../../../../core/engine/logs/log-writer.ts';
import { removeLogs } from '../../../../core/engine/logs/rotate-log.ts';
import { recordingLogger } from '../../../support/engine-bed.ts';
import { VirtualClock } from '../../../support/kubelet/virtual-clock.ts';

describe('the log writer', () => {
  let directory: string;
  let file: string;
  let clock: VirtualClock;
  let logger: ReturnType<typeof recordingLogger>;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-log-'));
    file = path.join(directory, 'pod', 'container', '0.log');
    clock = new VirtualClock();
    logger = recordingLogger();
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const writer = (limits: { maxBytes?: number; maxFiles?: number } = {}): LogWriter => new LogWriter({ path: file, maxBytes: 1024 ** 2, maxFiles: 3, clock, logger, ...limits });
  const line = (text: string) => [{ container: 0, stream: 1 as const, time: 0, bytes: Buffer.from(`${text}\n`) }];
  const openDescriptors = async (): Promise<number> => {
    const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    return links.filter((target) => target.startsWith(directory)).length;
  };
  /** Real file operations take turns of the event loop, not time. */
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
  };

  it('makes the directories and the file of a container that says nothing', async () => {
    await writer().close();
    assert.equal(await readFile(file, 'utf8'), '');
  });

  it('appends to what is there', async () => {
    const first = writer();
    await first.append(line('one'));
    await first.close();
    const second = writer();
    await second.append(line('two'));
    await second.close();
    assert.match(await readFile(file, 'utf8'), /one\n.*two\n$/);
  });

  it('gives its descriptor back when it is idle, and goes on later', async () => {
    const log = writer();
    await log.append(line('one'));
    assert.equal(await openDescriptors(), 1);
    await clock.advance(10_000, async () => {});
    await until(async () => (await openDescriptors()) === 0);
    await log.append(line('two'));
    assert.match(await readFile(file, 'utf8'), /one\n.*two\n$/);
    await log.close();
    assert.equal(await openDescriptors(), 0);
  });

  it('holds the writer back while the disk is full, warns once, and loses nothing', async () => {
    await mkdir(path.dirname(file), { recursive: true });
    await symlink('/dev/full', file);
    const log = writer();
    let written = false;
    const appended = log.append(line('precious')).then(() => (written = true));
    await until(() => logger.lines.length > 0);
    for (let tries = 0; tries < 3; tries++) await clock.advance(500, () => until(() => true));
    assert.equal(written, false);
    await rm(file);
    await until(async () => {
      await clock.advance(500, async () => {});
      return written;
    });
    await appended;
    assert.match(await readFile(file, 'utf8'), /precious\n$/);
    assert.deepEqual(logger.lines.map(({ level }) => level), ['warn']);
    await log.close();
  });

  it('gives up a full disk some time after the container has ended, and says what was lost', async () => {
    await mkdir(path.dirname(file), { recursive: true });
    await symlink('/dev/full', file);
    const log = writer();
    const appended = log.append(line('lost'));
    log.guestEnded();
    let closed = false;
    const closing = log.close().then(() => (closed = true));
    await until(async () => {
      await clock.advance(500, async () => {});
      return closed;
    });
    await Promise.all([appended, closing]);
    const { log: where, lostBytes } = logger.lines.at(-1)!.keys as { log: string; lostBytes: number };
    assert.deepEqual({ where, lostBytes }, { where: file, lostBytes: '1970-01-01T00:00:00.000000000Z stdout F lost\n'.length });
  });

  it('rotates a log that has reached its size: newest part plain, older ones compressed, the oldest gone', async () => {
    const log = writer({ maxBytes: 100, maxFiles: 3 });
    for (let n = 0; n < 12; n++) {
      await log.append(line(`line ${n} ${'x'.repeat(50)}`));
      await clock.advance(1_000, async () => {});
    }
    await log.close();
    const names = (await readdir(path.dirname(file))).sort();
    assert.equal(names.length, 3);
    assert.match(names[0]!, /^0\.log$/);
    assert.match(names[1]!, /^0\.log\.\d{8}-\d{6}\.gz$/);
    assert.match(names[2]!, /^0\.log\.\d{8}-\d{6}$/);
    const kept = gunzipSync(await readFile(path.join(path.dirname(file), names[1]!))).toString() + (await readFile(path.join(path.dirname(file), names[2]!), 'utf8')) + (await readFile(file, 'utf8'));
    assert.deepEqual([...kept.matchAll(/line (\d+)/g)].map(([, n]) => Number(n)), [6, 7, 8, 9, 10, 11]);
    await removeLogs(file);
    assert.deepEqual(await readdir(path.dirname(file)), []);
  });

  it('does not rotate twice in a second, which would overwrite the first part', async () => {
    const log = writer({ maxBytes: 10, maxFiles: 5 });
    for (let n = 0; n < 5; n++) await log.append(line(`line ${n}`));
    await log.close();
    const parts = await readdir(path.dirname(file));
    assert.equal(parts.length, 2);
    const all = await Promise.all(parts.sort().reverse().map((part) => readFile(path.join(path.dirname(file), part), 'utf8')));
    assert.deepEqual([...all.join('').matchAll(/line (\d+)/g)].map(([, n]) => Number(n)), [0, 1, 2, 3, 4]);
  });

  it('is found by log shippers through a link', async () => {
    const link = logLinkPath(path.join(directory, 'containers', 'pod_default_main'), 'abc');
    assert.equal(path.basename(link), 'pod_default_main-abc.log');
    createLogLink(link, file);
    createLogLink(link, file);
    assert.equal(await readlink(link), file);
  });

  it('deletes logs that are not there', async () => {
    await removeLogs(path.join(directory, 'none', '0.log'));
    await writeFile(path.join(directory, '1.log'), '');
    await removeLogs(path.join(directory, '0.log'));
    assert.deepEqual(await readdir(directory), ['1.log']);
  });
});
