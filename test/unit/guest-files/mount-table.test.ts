import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MountTable } from '../../../core/guest/files/mount-table.ts';

describe('MountTable', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-mounts-'));
    mkdirSync(path.join(directory, 'volume/data'), { recursive: true });
    mkdirSync(path.join(directory, 'secret'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('refuses a host path in whose way a link was put, and keeps no descriptor', () => {
    const mount = { guestPath: '/data', hostPath: path.join(directory, 'volume/data'), readOnly: false };
    new MountTable([mount]).close();
    const before = readdirSync('/proc/self/fd').length;
    renameSync(path.join(directory, 'volume'), path.join(directory, 'was'));
    mkdirSync(path.join(directory, 'volume'));
    symlinkSync(path.join(directory, 'secret'), path.join(directory, 'volume/data'));
    assert.throws(() => new MountTable([mount]), /replaced by a link/);
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });
});
