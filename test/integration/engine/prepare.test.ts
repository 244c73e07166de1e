import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Artifact } from '../../../core/api/artifact.ts';
import { EngineBed } from '../../support/engine-bed.ts';
import { guests } from '../../support/guests.ts';
import { artifactOf, wat } from '../../support/wat.ts';

describe('preparing', () => {
  let bed: EngineBed;
  before(async () => {
    bed = await EngineBed.create({ prepareDeadlineMilliseconds: 4_000 });
  });
  after(() => bed.close());

  /** What the test runtime takes for a component. */
  async function component(text: string, extra: object = {}): Promise<Artifact> {
    const bytes = Buffer.from(JSON.stringify({ module: Buffer.from(wat(text)).toString('base64'), ...extra }));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const file = path.join(bed.directory, `${digest.slice(7)}.component`);
    await writeFile(file, bytes);
    return { kind: 'component', digest, path: file, name: 'c.wasm', sizeBytes: bytes.length, inspection: { kind: 'component', imports: [], exports: [], coreModules: [] } };
  }
  const prepared = async (): Promise<string[]> => (await readdir(path.join(bed.directory, 'prepared'))).filter((name) => !name.startsWith('.new-'));

  it('keeps what a runtime made of a component, and makes it once', async () => {
    const artifact = await component(guests.hello);
    const [first, second] = await Promise.all([bed.run(artifact), bed.run(artifact)]);
    assert.deepEqual([first.exit?.code, second.exit?.code], [7, 7]);
    const [key, ...others] = await prepared();
    assert.deepEqual(others, []);
    const directory = path.join(bed.directory, 'prepared', key!);
    assert.deepEqual((await readdir(directory)).sort(), ['glue.js', 'limited-0.wasm', 'prepared.json']);
    const { ino } = await stat(directory);
    // Another engine finds it on disk.
    const other = await EngineBed.create({ directory: bed.directory });
    assert.equal((await other.run(artifact, { podUid: 'other' })).exit?.code, 7);
    await other.engine.stop(1_000);
    assert.equal((await stat(directory)).ino, ino);
  });

  it('limits the modules that come of a component', async () => {
    const { exit } = await bed.run(await component(guests.grow), { resources: { descriptors: 1, memoryBytes: 2 * 1024 ** 2 } });
    assert.equal(exit?.reason, 'OOMKilled');
    const large = await bed.run(await component(guests.large), { resources: { descriptors: 1, memoryBytes: 1024 ** 2 } });
    assert.equal(large.exit?.errorCode, 'MEMORY_OVER_LIMIT');
  });

  it('says why a component could not be transpiled', async () => {
    const failures = { throw: /^not a component$/, exit: /ended with code 3: the transpiler aborted$/, hang: /took longer than 4000 ms$/ };
    for (const [fail, message] of Object.entries(failures)) {
      const { exit } = await bed.run(await component(guests.hello, { fail }));
      assert.deepEqual([exit?.code, exit?.reason, exit?.errorCode], [128, 'StartError', 'TRANSPILE_FAILED']);
      assert.match(exit!.message!, message);
    }
    assert.ok((await readdir(path.join(bed.directory, 'prepared'))).every((name) => !name.startsWith('.new-')));
  });

  it('does not hold up the stop of a container that is being prepared', async () => {
    const id = await bed.start(await component(guests.brief, { fail: 'hang', salt: 1 }));
    await bed.engine.stopContainer(id, 30);
    assert.deepEqual(bed.observe(id).exit, { code: 143, reason: 'Error' });
  });

  it('rewrites a large module in a process and a small one in place', async () => {
    const before = await prepared();
    const small = await bed.module(guests.brief);
    assert.equal((await bed.run(small)).exit?.code, 0);
    assert.deepEqual(await prepared(), before);
    const padding = `(module (import "plain" "sleep" (func $sleep (param i32) (result i32))) (memory (export "memory") 64)
      (data (i32.const 0) "${'x'.repeat(1_200_000)}") (func (export "_start") (drop (call $sleep (i32.const 0)))))`;
    const large = await artifactOf(bed.directory, 'large.wasm', wat(padding));
    assert.equal((await bed.run(large)).exit?.code, 0);
    assert.equal((await prepared()).length, before.length + 1);
  });
});
