import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Clock } from '../../../core/api/clock.ts';
import type { Logger } from '../../../core/api/logger.ts';
import { ReloadableFiles } from '../../../core/server/reloadable.ts';

describe('ReloadableFiles', () => {
  let file: string;
  before(async () => {
    file = path.join(await mkdtemp(path.join(os.tmpdir(), 'wasmlet-reload-')), 'ca.crt');
  });
  after(() => rm(path.dirname(file), { recursive: true, force: true }));

  it('takes a change, keeps the old value when the new one is broken, and ends', async () => {
    const timers: (() => void)[] = [];
    let looked = () => {};
    const clock = { after: (_: number, callback: () => void) => (timers.push(callback), looked(), () => timers.splice(0)) } as unknown as Clock;
    const warnings: string[] = [];
    const logger = { warn: (_: object, message: string) => warnings.push(message) } as unknown as Logger;
    const parse = ([text]: readonly string[]) => {
      if (text === 'broken') throw new Error('no certificate');
      return text!;
    };
    const files = new ReloadableFiles({ files: [file], parse, clock, logger });
    await assert.rejects(files.start(), { code: 'ENOENT' });
    await writeFile(file, 'first');
    await files.start();
    let changes = 0;
    files.onChange(() => changes++);
    const next = async (content: string) => {
      await writeFile(file, content);
      const done = new Promise<void>((resolve) => (looked = resolve));
      timers.shift()!();
      await done;
      return [files.current(), changes, warnings.length];
    };
    assert.deepEqual(await next('first'), ['first', 0, 0]);
    assert.deepEqual(await next('second'), ['second', 1, 0]);
    assert.deepEqual(await next('broken'), ['second', 1, 1]);
    assert.deepEqual(await next('third'), ['third', 2, 1]);
    files.stop();
    assert.equal(timers.length, 0);
  });
});
