import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lockRootDirectory } from '../../../core/config/root-directory-lock.ts';

let root: string;
before(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-lock-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

describe('lockRootDirectory', () => {
  it('refuses a second holder, by its pid, until the first has let go', () => {
    const lock = lockRootDirectory(root);
    assert.throws(() => lockRootDirectory(root), { code: 'ROOT_DIRECTORY_IN_USE', message: new RegExp(`pid ${process.pid}`) });
    lock.release();
    lockRootDirectory(root).release();
    assert.deepEqual(readdirSync(root), []);
  });
  it('takes over from a holder that was killed', async () => {
    const script = `import { lockRootDirectory } from ${JSON.stringify(path.resolve('core/config/root-directory-lock.ts'))}; lockRootDirectory(${JSON.stringify(root)}); console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    assert.throws(() => lockRootDirectory(root), { message: new RegExp(`pid ${child.pid}`) });
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockRootDirectory(root).release();
  });
  it('is not misled by a pid that is in use again', () => {
    writeFileSync(path.join(root, 'lock'), `${process.pid} 1\n`);
    lockRootDirectory(root).release();
  });
});
