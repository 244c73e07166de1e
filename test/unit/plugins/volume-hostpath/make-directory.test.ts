import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeDirectory } from '../../../../plugins/volume-hostpath/make-directory.ts';

describe('makeDirectory', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-make-directory-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('makes what is missing, with the mode, also when several do', async () => {
    const deep = path.join(directory, 'a/b/c');
    await Promise.all([makeDirectory(deep, 0o700), makeDirectory(deep, 0o700), makeDirectory(path.dirname(deep), 0o700)]);
    for (const made of [deep, path.dirname(deep)]) assert.equal((await stat(made)).mode & 0o7777, 0o700);
    await makeDirectory(deep, 0o755);
    assert.equal((await stat(deep)).mode & 0o7777, 0o700);
  });

  it('ends where nothing can be made', async () => {
    await assert.rejects(makeDirectory('/proc/nothing/here', 0o700), { code: 'ENOENT' });
    await writeFile(path.join(directory, 'file'), '');
    await assert.rejects(makeDirectory(path.join(directory, 'file', 'x'), 0o700), { code: 'ENOTDIR' });
  });
});
