import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { EngineBed, recordingLogger } from '../../support/engine-bed.ts';
import { guests } from '../../support/guests.ts';

describe('a machine that refuses', () => {
  it('disk space: the guest is held back, and nothing of its output is lost', async () => {
    const logger = recordingLogger();
    const bed = await EngineBed.create({ logger });
    try {
      const logPath = path.join(bed.directory, 'full.log');
      await symlink('/dev/full', logPath);
      const id = await bed.start(await bed.module(guests.flood), { logPath });
      assert.equal((await bed.running(id)).phase, 'running');
      while (!logger.lines.some(({ message }) => message === 'a container log cannot be written')) await new Promise((resolve) => setImmediate(resolve));
      // A megabyte does not fit into the ring: it can only wait.
      assert.equal(bed.observe(id).phase, 'running');
      await rm(logPath);
      assert.deepEqual((await bed.ended(id)).exit, { code: 0, reason: 'Completed' });
      assert.equal((await bed.log(id)).trimEnd().split('\n').length, 1000);
    } finally {
      await bed.close();
    }
  });

  it('a pod\'s directory: the container is not created, and can be later', async () => {
    const bed = await EngineBed.create();
    try {
      const artifact = await bed.module(guests.brief);
      await mkdir(bed.podsDirectory);
      await symlink('/dev/full', path.join(bed.podsDirectory, 'a'));
      await assert.rejects(bed.start(artifact), { code: 'EEXIST' });
      await rm(path.join(bed.podsDirectory, 'a'));
      assert.equal((await bed.run(artifact)).exit?.code, 0);
    } finally {
      await bed.close();
    }
  });

  it('descriptors: a container waits for its thread, and runs when there are some again', async () => {
    const support = new URL('../../support/', import.meta.url).href;
    const program = `
      import { closeSync, openSync } from 'node:fs';
      import { EngineBed, recordingLogger } from '${support}engine-bed.ts';
      import { guests } from '${support}guests.ts';
      const logger = recordingLogger();
      const bed = await EngineBed.create({ warmThreads: 0, logger });
      const artifact = await bed.module(guests.brief);
      await bed.run(artifact);
      // No log: its directory and file would need a descriptor, too. One stays free for the journal.
      const { logPath, ...config } = await bed.config(artifact);
      const held = [];
      try { for (;;) held.push(openSync('/dev/null')); } catch {}
      for (const fd of held.splice(-2)) closeSync(fd);
      const id = await bed.engine.createContainer(config);
      await bed.engine.startContainer(id);
      while (logger.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      for (const fd of held) closeSync(fd);
      const { exit } = await bed.ended(id);
      process.stdout.write(JSON.stringify({ exit, warned: logger.lines[0].message }));
      await bed.close();`;
    const child = spawn('sh', ['-c', 'ulimit -n 60; exec "$0" --input-type=module --eval "$1"', process.execPath, program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const output = (await Array.fromAsync(child.stdout)).join('');
    assert.deepEqual(JSON.parse(output), { exit: { code: 0, reason: 'Completed' }, warned: 'a thread could not be started' });
  });
});
