import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import { DescriptorTable } from '../../../core/guest/files/descriptor-table.ts';
import { Directory } from '../../../core/guest/files/directory.ts';
import { MountTable } from '../../../core/guest/files/mount-table.ts';
import { ListingCursor } from '../../../runtimes/wasi/listing-cursor.ts';

const files = 100;
let hostPath: string;
let mounts: MountTable;
let counts: number[];
let table: DescriptorTable<Directory>;
let cursor: ListingCursor;

beforeEach(() => {
  hostPath = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-listing-'));
  for (let file = 0; file < files; file++) writeFileSync(path.join(hostPath, `f${file}`), '');
  mounts = new MountTable([{ guestPath: '/data', hostPath, readOnly: false }]);
  counts = [];
  table = new DescriptorTable({ limits: { descriptors: 2 }, reportDescriptors: (count) => counts.push(count), nodeHasDescriptors: () => true });
  const directory = new Directory(mounts, mounts.roots()[0]!);
  table.insert(() => directory);
  cursor = new ListingCursor(directory, table);
});
afterEach(() => {
  table.closeAll();
  mounts.close();
  rmSync(hostPath, { recursive: true });
});

/** The entry's name, undefined behind the last. */
function nameAt(number: number): string | undefined {
  for (;;) {
    const entry = cursor.entry(number);
    if (entry !== 'further') return entry?.name.toString();
  }
}

const names = (from: number): string[] => {
  const found: string[] = [];
  for (let number = from, name = nameAt(number); name !== undefined; name = nameAt(++number)) found.push(name);
  return found;
};

it('gives every entry once, and again to whoever goes back', () => {
  const all = names(0);
  assert.deepEqual(all.toSorted(), readdirSync(hostPath).toSorted());
  assert.deepEqual(names(files - 3), all.slice(-3), 'a few that it remembers');
  assert.deepEqual(names(10), all.slice(10), 'a new listing');
  assert.equal(nameAt(files), undefined);
  assert.equal(nameAt(10 * files), undefined);
});

it('passes one entry at a time on the way to a later one', () => {
  for (let passed = 0; passed < 50; passed++) assert.equal(cursor.entry(50), 'further');
  assert.notEqual(cursor.entry(50), 'further');
});

it('neither misses nor repeats what is there while entries that were read are removed', () => {
  const seen: string[] = [];
  for (let number = 0, name = nameAt(number); name !== undefined; name = nameAt(++number)) {
    seen.push(name);
    rmSync(path.join(hostPath, name));
  }
  assert.equal(new Set(seen).size, files);
  assert.equal(seen.length, files);
});

it('counts as a descriptor from the first entry to the end or its closing', () => {
  nameAt(0);
  assert.equal(counts.at(-1), 2);
  names(0);
  assert.equal(counts.at(-1), 1);
  nameAt(0);
  assert.equal(counts.at(-1), 2);
  cursor.close();
  assert.equal(counts.at(-1), 1);
});

it('is EMFILE when the guest has no descriptor left', () => {
  table.insert(() => new Directory(mounts, mounts.roots()[0]!));
  assert.throws(() => cursor.entry(0), { code: 'EMFILE' });
});
