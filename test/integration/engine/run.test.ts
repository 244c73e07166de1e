import assert from 'node:assert/strict';
import { readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ContainerExit } from '../../../core/api/engine.ts';
import { EngineBed } from '../../support/engine-bed.ts';
import { guests } from '../../support/guests.ts';

for (const isolation of ['dedicated', 'shared'] as const) describe(`a container on a ${isolation} thread`, () => {
  let bed: EngineBed;
  before(async () => {
    bed = await EngineBed.create({ isolation });
  });
  after(() => bed.close());

  it('writes its output to a CRI log before its end is told', async () => {
    const observation = await bed.run(await bed.module(guests.hello));
    assert.deepEqual(observation.exit, { code: 7, reason: 'Error' });
    assert.match(await bed.log(observation.id), /^\S+Z stdout F hello\n\S+Z stderr F hello\n\S+Z stdout P world\n$/);
    assert.ok(observation.createdAt <= observation.startedAt!);
    assert.ok(observation.startedAt! <= observation.finishedAt!);
  });

  it('loses nothing of much output', async () => {
    const observation = await bed.run(await bed.module(guests.flood));
    assert.deepEqual(observation.exit, { code: 0, reason: 'Completed' });
    const lines = (await bed.log(observation.id)).trimEnd().split('\n');
    assert.equal(lines.length, 1000);
    assert.ok(lines.every((line) => line.endsWith(` stdout F ${'a'.repeat(999)}`)));
  });

  it('runs from its first host call, and its start is told before its end', async () => {
    const id = await bed.start(await bed.module(guests.sleep));
    assert.equal((await bed.running(id)).phase, 'running');
    await bed.engine.stopContainer(id, 1);
    await bed.told(id, 'container-exited');
    assert.deepEqual(bed.eventsOf(id), ['container-started', 'container-exited']);
  });

  it('runs when it computes without calling anything', async () => {
    const id = await bed.start(await bed.module(guests.spin));
    assert.equal((await bed.running(id)).phase, 'running');
    await bed.engine.stopContainer(id, 0);
  });

  it('is linked for log shippers, and its log is deleted with it', async () => {
    const logLinkPrefix = path.join(bed.directory, 'containers', 'pod_default_linked');
    const { id, logPath } = await bed.run(await bed.module(guests.hello), { name: 'linked', logLinkPrefix });
    assert.equal(await readlink(`${logLinkPrefix}-${id}.log`), logPath);
    await bed.engine.removeContainer(id);
    await assert.rejects(readlink(`${logLinkPrefix}-${id}.log`), { code: 'ENOENT' });
    assert.equal(bed.engine.podSandbox('a')?.containers.find((container) => container.id === id), undefined);
    await bed.engine.removeContainer(id);
  });

  const ends: Record<string, { guest: keyof typeof guests; memoryBytes?: number; exit: ContainerExit }> = {
    'a trap is 134 with its text': { guest: 'trap', exit: { code: 134, reason: 'Error', message: 'unreachable in function crash' } },
    'a stack without end is a trap': { guest: 'recurse', exit: { code: 134, reason: 'Error', message: 'call stack exhausted in function deep', stackExhausted: true } },
    'growth over the memory limit is OOMKilled': {
      guest: 'grow', memoryBytes: 4 * 1024 ** 2, exit: { code: 137, reason: 'OOMKilled', message: 'the guest reached its memory limit: unreachable in function run' },
    },
    'an adapter\'s bug is not a trap': { guest: 'bug', exit: { code: 134, reason: 'Error', message: 'the runtime failed: a bug of the adapter' } },
    'host objects without end are OOMKilled': { guest: 'hog', exit: { code: 137, reason: 'OOMKilled', message: 'the host objects of the guest took all memory of its thread' } },
    'a module of imports that the runtime does not have': {
      guest: 'unknownModule', exit: { code: 128, reason: 'StartError', errorCode: 'IMPORT_UNKNOWN', message: 'the runtime plain cannot run this module: it does not provide strange.call' },
    },
    'no entry point': { guest: 'noEntry', exit: { code: 128, reason: 'StartError', errorCode: 'ENTRY_POINT_MISSING', message: 'the module exports no function _start' } },
  };
  for (const [sentence, { guest, memoryBytes, exit }] of Object.entries(ends)) {
    // The heap of a shared thread is large, and filling it costs every guest its thread: shared.test.ts.
    it(sentence, { skip: guest === 'hog' && isolation === 'shared' }, async () => {
      const observation = await bed.run(await bed.module(guests[guest]), { resources: { descriptors: 10, ...(memoryBytes === undefined ? {} : { memoryBytes }) } });
      assert.deepEqual(observation.exit, exit);
      assert.equal(observation.startedAt === undefined, exit.reason === 'StartError');
    });
  }

  it('an import that the runtime lacks, a memory over the limit and bytes that are no module are start errors', async () => {
    const unknown = await bed.run(await bed.module(guests.unknownFunction));
    assert.equal(unknown.exit?.errorCode, 'IMPORT_UNKNOWN');
    const large = await bed.run(await bed.module(guests.large), { resources: { descriptors: 10, memoryBytes: 1024 ** 2 } });
    assert.equal(large.exit?.errorCode, 'MEMORY_OVER_LIMIT');
    const artifact = await bed.module('(module (func (export "_start") (drop (i32.const 1234))))');
    const broken = { ...artifact, digest: `sha256:${'0'.repeat(64)}`, path: path.join(bed.directory, 'broken.wasm') };
    await writeFile(broken.path, 'no module');
    const malformed = await bed.run(broken);
    assert.deepEqual([malformed.exit?.code, malformed.exit?.reason, malformed.exit?.errorCode], [128, 'StartError', 'MODULE_MALFORMED']);
    await writeFile(broken.path, Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 10, 4, 1, 2, 0, 0xff]));
    assert.equal((await bed.run(broken)).exit?.errorCode, 'MODULE_MALFORMED');
    await writeFile(broken.path, 'gone').then(() => import('node:fs/promises').then(({ rm }) => rm(broken.path)));
    assert.equal((await bed.run(broken)).exit?.reason, 'StartError');
  });

  it('reports memory, CPU time and descriptors while it runs', async () => {
    const id = await bed.start(await bed.module(guests.busy));
    await bed.running(id);
    const first = bed.engine.containerStats().find((stats) => stats.id === id)!;
    assert.equal(first.memoryBytes, 65_536 + 16_384, 'its page, and the host objects of every guest');
    assert.equal(first.descriptors, 0);
    let later = first;
    while (later.cpuNanoseconds < first.cpuNanoseconds + 20_000_000) {
      await new Promise((resolve) => setImmediate(resolve));
      later = bed.engine.containerStats().find((stats) => stats.id === id)!;
    }
    await bed.engine.stopContainer(id, 0);
    assert.equal(bed.engine.containerStats().find((stats) => stats.id === id), undefined);
  });

  it('is refused with an unknown runtime, and in a pod without sandbox', async () => {
    const config = await bed.config(await bed.module(guests.brief));
    await assert.rejects(bed.engine.createContainer({ ...config, runtime: 'none' }), { code: 'RUNTIME_UNKNOWN' });
    await assert.rejects(bed.engine.createContainer({ ...config, podUid: 'none' }), /no sandbox/);
    await assert.rejects(bed.engine.startContainer('none'), { code: 'CONTAINER_NOT_FOUND' });
    await assert.rejects(bed.engine.exec(), { code: 'EXEC_UNSUPPORTED' });
  });
});
