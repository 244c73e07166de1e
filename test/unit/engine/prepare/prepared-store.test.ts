import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PreparedStore } from '../../../../core/engine/prepare/prepared-store.ts';
import { VirtualClock } from '../../../support/kubelet/virtual-clock.ts';

describe('the store of prepared artifacts', () => {
  let directory: string;
  let clock: VirtualClock;
  let store: PreparedStore;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-prepared-'));
    clock = new VirtualClock();
    store = new PreparedStore({ directory, maxBytes: 2_500, clock });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const artifact = async (target: string): Promise<void> => {
    await writeFile(path.join(target, 'limited-0.wasm'), new Uint8Array(1000));
    await writeFile(path.join(target, 'prepared.json'), '{"modules":{"main":"limited-0.wasm"}}');
  };
  const add = async (key: string, inUse: string[] = []): Promise<void> => {
    await store.add(key, new Set(inUse), artifact);
    await store.find(key);
    await clock.advance(1_000, async () => {});
  };

  it('keeps what was made', async () => {
    assert.equal(await store.find('a'), undefined);
    await add('a');
    assert.deepEqual(await store.find('a'), { directory: path.join(directory, 'a'), index: { modules: { main: 'limited-0.wasm' } } });
  });

  it('keeps nothing of what failed', async () => {
    await assert.rejects(store.add('a', new Set(), async (target) => {
      await artifact(target);
      throw new Error('broken');
    }), /broken/);
    assert.deepEqual(await readdir(directory), []);
  });

  it('makes room by the oldest use, but never of what is in use', async () => {
    await add('a');
    await add('b');
    await store.find('a');
    await add('c');
    assert.deepEqual((await readdir(directory)).sort(), ['a', 'c']);
    await add('d', ['a', 'c']);
    assert.deepEqual((await readdir(directory)).sort(), ['a', 'c', 'd']);
  });

  it('deletes what a killed process left', async () => {
    await mkdir(path.join(directory, '.new-x1'));
    await add('a');
    await store.clean();
    assert.deepEqual(await readdir(directory), ['a']);
  });

  it('keeps what another process has made meanwhile', async () => {
    const other = new PreparedStore({ directory, maxBytes: 2_500, clock });
    await store.add('a', new Set(), async (target) => {
      await other.add('a', new Set(), async (theirs) => {
        await artifact(theirs);
        await writeFile(path.join(theirs, 'theirs'), '');
      });
      await artifact(target);
    });
    assert.deepEqual((await readdir(path.join(directory, 'a'))).sort(), ['limited-0.wasm', 'prepared.json', 'theirs']);
  });

  it('has nothing to clean where nothing was ever prepared', async () => {
    await new PreparedStore({ directory: path.join(directory, 'none'), maxBytes: 1, clock }).clean();
  });

  it('deletes what killed processes left half made, and not what living ones are making', async () => {
    // 1 lives as long as the machine; no process has the largest number.
    for (const name of ['.new-1-abc', '.new-2147483647-abc', `.new-${process.pid}-abc`, '.new-old']) await mkdir(path.join(directory, name));
    await store.clean();
    assert.deepEqual(await readdir(directory), ['.new-1-abc']);
  });
});
