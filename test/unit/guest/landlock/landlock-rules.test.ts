import assert from 'node:assert/strict';
import { test } from 'node:test';
import { access, handledRights, landlockRules } from '../../../../core/guest/landlock/landlock-rules.ts';

const mounts = [{ guestPath: '/data', hostPath: '/srv/data', readOnly: false }, { guestPath: '/config', hostPath: '/srv/config', readOnly: true }];
const rightsOf = (path: string, abi = 7): bigint => landlockRules(mounts, ['/opt/wasmlet'], abi).find((rule) => rule.path === path)!.rights;

test('a writable mount may be read and written, but nothing executed, and no device, pipe or socket made', () => {
  const rights = rightsOf('/srv/data');
  for (const right of ['readFile', 'readDirectory', 'writeFile', 'makeFile', 'makeDirectory', 'makeLink', 'removeFile', 'removeDirectory', 'refer', 'truncate'] as const) assert.notEqual(rights & access[right], 0n, right);
  for (const right of ['execute', 'makeCharacterDevice', 'makeBlockDevice', 'makePipe', 'makeSocket', 'ioctlDevice'] as const) assert.equal(rights & access[right], 0n, right);
});

test('a read-only mount, and what the runtime reads, may be read only', () => {
  for (const path of ['/srv/config', '/opt/wasmlet']) assert.equal(rightsOf(path), access.readFile | access.readDirectory, path);
});

test('only what the kernel knows is asked for', () => {
  assert.equal(handledRights(1), (1n << 13n) - 1n);
  assert.equal(handledRights(2) & access.refer, access.refer);
  assert.equal(handledRights(2) & access.truncate, 0n);
  assert.equal(handledRights(4) & access.ioctlDevice, 0n);
  assert.equal(handledRights(7) & access.ioctlDevice, access.ioctlDevice);
  assert.equal(rightsOf('/srv/data', 1) & ~handledRights(1), 0n);
});

test('mounts must be there; what the machine may lack need not', () => {
  for (const { path, optional } of landlockRules(mounts, ['/opt/wasmlet'], 7)) assert.equal(optional, !path.startsWith('/srv/'), path);
});
