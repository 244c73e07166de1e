import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ContainerConfig } from '../../../core/api/engine.ts';
import { EngineBed } from '../../support/engine-bed.ts';
import { guests } from '../../support/guests.ts';

async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream)).toString();
}

describe('attaching', () => {
  let bed: EngineBed;
  before(async () => {
    bed = await EngineBed.create();
  });
  after(() => bed.close());

  const withoutLog = async (text: string, changes: Partial<ContainerConfig> = {}): Promise<ContainerConfig> => {
    const { logPath: _, ...config } = await bed.config(await bed.module(text), changes);
    return config;
  };

  it('before the start gives all output from the first byte', async () => {
    const id = await bed.engine.createContainer(await withoutLog(guests.hello));
    const { stdout, stderr } = await bed.engine.attach(id);
    await bed.engine.startContainer(id);
    assert.deepEqual(await Promise.all([collect(stdout), collect(stderr)]), ['hello\nworld', 'hello\n']);
  });

  it('gives much output to a slow reader without loss', async () => {
    const id = await bed.engine.createContainer(await withoutLog(guests.flood));
    const { stdout, stderr } = await bed.engine.attach(id);
    await stderr.cancel();
    await bed.engine.startContainer(id);
    let length = 0;
    for await (const bytes of stdout) {
      length += bytes.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(length, 1_000_000);
    assert.deepEqual((await bed.ended(id)).exit, { code: 0, reason: 'Completed' });
  });

  it('does not hold up the end of a killed guest whose reader sleeps', async () => {
    const id = await bed.engine.createContainer(await withoutLog(guests.flood));
    const { stdout } = await bed.engine.attach(id);
    await bed.engine.startContainer(id);
    await bed.running(id);
    await bed.engine.stopContainer(id, 0);
    assert.equal(bed.observe(id).exit?.code, 137);
    assert.equal((await collect(stdout)).length % 1000, 0);
  });

  it('passes stdin to the guest and its end', async () => {
    const id = await bed.engine.createContainer(await withoutLog(guests.cat, { stdin: true }));
    const { stdin, stdout, stderr } = await bed.engine.attach(id);
    await stderr.cancel();
    await bed.engine.startContainer(id);
    const text = 'x'.repeat(300_000);
    const writer = stdin.getWriter();
    const [copied] = await Promise.all([collect(stdout), writer.write(Buffer.from(text)).then(() => writer.close())]);
    assert.equal(copied, text);
    assert.deepEqual((await bed.ended(id)).exit, { code: 0, reason: 'Completed' });
  });

  it('a container without stdin is at its end from the start', async () => {
    assert.deepEqual((await bed.run(await bed.module(guests.cat))).exit, { code: 0, reason: 'Completed' });
  });

  it('is a live copy beside the log', async () => {
    const id = await bed.engine.createContainer(await bed.config(await bed.module(guests.hello)));
    const { stdout, stderr } = await bed.engine.attach(id);
    await bed.engine.startContainer(id);
    assert.deepEqual(await Promise.all([collect(stdout), collect(stderr)]), ['hello\nworld', 'hello\n']);
    await bed.ended(id);
    assert.match(await bed.log(id), / stdout F hello\n.* stderr F hello\n.* stdout P world\n$/);
  });

  it('is refused when nothing runs', async () => {
    await assert.rejects(bed.engine.attach('none'), { code: 'CONTAINER_NOT_FOUND' });
    const { id } = await bed.run(await bed.module(guests.brief));
    await assert.rejects(bed.engine.attach(id), { code: 'CONTAINER_NOT_FOUND' });
  });
});
