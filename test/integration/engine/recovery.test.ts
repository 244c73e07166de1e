import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EngineBed } from '../../support/engine-bed.ts';
import { guests } from '../../support/guests.ts';

describe('a node that was killed', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-recovery-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** Runs an engine in a process of its own and kills it once it has said so. */
  async function killedNode(body: string): Promise<void> {
    const support = new URL('../../support/', import.meta.url).href;
    const program = `
      import { EngineBed } from '${support}engine-bed.ts';
      import { guests } from '${support}guests.ts';
      const bed = await EngineBed.create({ directory: ${JSON.stringify(directory)} });
      ${body}
      process.stdout.write('now');`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  it('knows what has ended, and reports as lost what ran', async () => {
    await killedNode(`
      const ended = await bed.run(await bed.module(guests.hello), { name: 'ended' });
      const running = await bed.start(await bed.module(guests.sleep), { name: 'running', attempt: 4 });
      await bed.running(running);
      await bed.engine.createContainer(await bed.config(await bed.module(guests.sleep), { name: 'created' }));
      await bed.run(await bed.module(guests.noEntry), { name: 'failed', podUid: 'b' });`);
    const bed = await EngineBed.create({ directory });
    try {
      const [ended, running, ...rest] = bed.engine.podSandbox('a')!.containers;
      assert.deepEqual(rest, []);
      assert.deepEqual([ended?.name, ended?.phase, ended?.exit], ['ended', 'exited', { code: 7, reason: 'Error' }]);
      assert.deepEqual([running?.name, running?.attempt, running?.phase, running?.exit?.code, running?.exit?.reason], ['running', 4, 'exited', 137, 'ContainerStatusUnknown']);
      assert.ok(running!.startedAt! <= running!.finishedAt!);
      const [failed] = bed.engine.podSandbox('b')!.containers;
      assert.deepEqual([failed?.exit?.errorCode, failed?.startedAt], ['ENTRY_POINT_MISSING', undefined]);
      assert.match(await bed.log(ended!.id), /hello/);
      // The pod goes on in the same sandbox and journal.
      const { attempt, exit } = await bed.run(await bed.module(guests.brief), { name: 'running', attempt: 5 });
      assert.deepEqual([attempt, exit?.code], [5, 0]);
      assert.equal(bed.engine.podSandbox('a')!.containers.length, 3);
    } finally {
      await bed.engine.stop(1_000);
    }
    // The verdict on the lost one stays the same, also after half a line.
    await appendFile(path.join(directory, 'pods', 'a', 'journal.jsonl'), '{"type":"exi');
    const again = await EngineBed.create({ directory });
    try {
      assert.deepEqual(again.engine.podSandbox('a')!.containers.map(({ name, exit }) => [name, exit?.code]), [['ended', 7], ['running', 137], ['running', 0]]);
      await again.engine.removePodSandbox('a');
      await assert.rejects(readFile(path.join(directory, 'pods', 'a', 'journal.jsonl')), { code: 'ENOENT' });
    } finally {
      await again.close();
    }
  });

  it('makes an attempt again that was stopped with the node before it began', async () => {
    const bed = await EngineBed.create({ directory });
    const id = await bed.engine.createContainer(await bed.config(await bed.module(guests.sleep)));
    const begun = await bed.start(await bed.module(guests.sleep));
    await bed.running(begun);
    await bed.engine.stop(5_000);
    assert.deepEqual([bed.observe(id).exit?.code, bed.observe(begun).exit?.code], [143, 143]);
    const again = await EngineBed.create({ directory });
    assert.deepEqual(again.engine.podSandbox('a')?.containers.map((container) => [container.id, container.exit?.code]), [[begun, 143]]);
    await again.close();
  });

  it('starts with no pods when there were none', async () => {
    const bed = await EngineBed.create({ directory });
    assert.deepEqual(bed.engine.listPodSandboxes(), []);
    await bed.close();
  });
});
