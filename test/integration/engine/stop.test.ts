import assert from 'node:assert/strict';
import { readdir, readlink } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { EngineBed } from '../../support/engine-bed.ts';
import { guests } from '../../support/guests.ts';

for (const isolation of ['dedicated', 'shared'] as const) describe(`stopping on a ${isolation} thread`, () => {
  let bed: EngineBed;
  before(async () => {
    bed = await EngineBed.create({ isolation });
  });
  after(() => bed.close());

  for (const guest of ['busy', 'sleep', 'spin'] as const) {
    it(`ends a guest that would ${guest} for ever: 143 with grace, 137 without`, async () => {
      const artifact = await bed.module(guests[guest]);
      for (const [grace, code] of [[30, 143], [0, 137]] as const) {
        const id = await bed.start(artifact);
        await bed.running(id);
        if (guest !== 'spin') await bed.logged(id, / stdout F hi\n$/);
        await bed.engine.stopContainer(id, grace);
        const { phase, exit } = bed.observe(id);
        assert.deepEqual({ phase, exit }, { phase: 'exited', exit: { code, reason: 'Error' } });
        await bed.engine.stopContainer(id, 0);
      }
    });
  }

  it('ends a container at every moment of its start', async () => {
    const artifact = await bed.module(guests.sleep);
    for (let turn = 0; turn < 40; turn++) {
      const id = await bed.engine.createContainer(await bed.config(artifact));
      await bed.engine.startContainer(id);
      for (let n = 0; n < turn; n++) await new Promise((resolve) => setImmediate(resolve));
      await bed.engine.stopContainer(id, 0);
      assert.deepEqual(bed.observe(id).exit, { code: 137, reason: 'Error' });
      await bed.told(id, 'container-exited');
      assert.equal(bed.eventsOf(id).at(-1), 'container-exited');
    }
  });

  it('ends a container that was never started', async () => {
    const id = await bed.engine.createContainer(await bed.config(await bed.module(guests.sleep)));
    await bed.engine.stopContainer(id, 5);
    assert.deepEqual(bed.observe(id).exit, { code: 143, reason: 'Error', message: 'stopped before it began' });
    await bed.engine.startContainer(id);
    assert.equal(bed.observe(id).phase, 'exited');
  });

  it('ends all containers of a pod, and takes no more until the sandbox runs again', async () => {
    const artifact = await bed.module(guests.sleep);
    const ids = [await bed.start(artifact, { podUid: 'b' }), await bed.start(artifact, { podUid: 'b' }), await bed.start(artifact, { podUid: 'b' })];
    await Promise.all(ids.map((id) => bed.running(id)));
    await assert.rejects(bed.engine.removePodSandbox('b'), /have not ended/);
    await bed.engine.stopPodSandbox('b');
    assert.deepEqual(bed.engine.podSandbox('b')?.containers.map(({ exit }) => exit?.code), [137, 137, 137]);
    const { createContainer } = { createContainer: async () => bed.engine.createContainer({ ...(await bed.config(artifact)), podUid: 'b' }) };
    await assert.rejects(createContainer, /no sandbox/);
    await bed.engine.removePodSandbox('b');
    await bed.engine.removePodSandbox('b');
    assert.equal(bed.engine.podSandbox('b'), undefined);
    await bed.engine.stopPodSandbox('b');
  });

  it('leaves threads and descriptors as they were', async () => {
    const threads = async (): Promise<number> => (await readdir('/proc/self/task')).length;
    const descriptors = async (): Promise<number> => {
      const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => 'gone')));
      // Logs give their descriptor back when they are closed, which every container here has done.
      return links.filter((target) => target !== 'gone').length;
    };
    const settled = async (): Promise<{ threads: number; descriptors: number }> => {
      // The reserve refills in the background: wait until two looks agree.
      for (let last = ''; ; ) {
        const now = { threads: await threads(), descriptors: await descriptors() };
        if (JSON.stringify(now) === last) return now;
        last = JSON.stringify(now);
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    };
    const round = async (): Promise<void> => {
      const artifacts = await Promise.all([guests.busy, guests.sleep, guests.trap, guests.hello].map((text) => bed.module(text)));
      const ids = await Promise.all(artifacts.map((artifact) => bed.start(artifact)));
      await Promise.all(ids.slice(0, 2).map((id) => bed.running(id)));
      await Promise.all(ids.slice(0, 2).map((id) => bed.engine.stopContainer(id, 0)));
      await Promise.all(ids.map((id) => bed.ended(id)));
    };
    await round();
    const before = await settled();
    for (let n = 0; n < 3; n++) await round();
    const after = await settled();
    // Fewer is as good: the reserve gives up what a burst made.
    assert.ok(after.threads <= before.threads && after.descriptors <= before.descriptors, `${JSON.stringify(after)} after ${JSON.stringify(before)}`);
  });
});

describe('limits of starting', () => {
  it('refuses a container over the number of threads, and takes it when one is free', async () => {
    const bed = await EngineBed.create({ maxThreads: 1 });
    try {
      const first = await bed.start(await bed.module(guests.sleep));
      await bed.running(first);
      const second = await bed.run(await bed.module(guests.brief));
      assert.deepEqual(second.exit, { code: 128, reason: 'StartError', errorCode: 'NODE_FULL', message: 'all 1 threads of this node are taken' });
      await bed.engine.stopContainer(first, 0);
      const third = await bed.run(await bed.module(guests.brief));
      assert.deepEqual(third.exit, { code: 0, reason: 'Completed' });
    } finally {
      await bed.close();
    }
  });

  it('gives up a guest that does not get to its entry', async () => {
    const bed = await EngineBed.create({ startDeadlineMilliseconds: 3_000 });
    try {
      const { exit } = await bed.run(await bed.module(guests.spinInStart));
      assert.deepEqual(exit, { code: 128, reason: 'StartError', errorCode: 'THREAD_START_FAILED', message: 'the guest was not entered within 3000 ms' });
    } finally {
      await bed.close();
    }
  });

  it('starts many at once from cold', async () => {
    const bed = await EngineBed.create({ warmThreads: 0 });
    try {
      const artifact = await bed.module(guests.brief);
      const ends = await Promise.all(Array.from({ length: 20 }, () => bed.run(artifact)));
      assert.ok(ends.every(({ exit }) => exit?.code === 0));
    } finally {
      await bed.close();
    }
  });

  it('starts many at once that stay', async () => {
    const bed = await EngineBed.create();
    try {
      const artifact = await bed.module(guests.sleep);
      const ids = await Promise.all(Array.from({ length: 12 }, () => bed.start(artifact)));
      const phases = await Promise.all(ids.map((id) => bed.running(id)));
      assert.ok(phases.every(({ phase }) => phase === 'running'));
    } finally {
      await bed.close();
    }
  });

  it('ends every guest when the engine stops, and takes no more', async () => {
    const bed = await EngineBed.create();
    const artifact = await bed.module(guests.busy);
    const config = await bed.config(artifact);
    const id = await bed.start(artifact);
    await bed.running(id);
    await bed.close();
    assert.deepEqual(bed.observe(id).exit, { code: 143, reason: 'Error' });
    assert.deepEqual(bed.eventsOf(id), ['container-started', 'container-exited']);
    await assert.rejects(bed.engine.createContainer(config), /being stopped/);
  });
});
