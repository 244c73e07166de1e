import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { volumeFilePath } from '../../../core/volume/volume-file-path.ts';

const piece = fc.constantFrom('a', 'b.txt', '.', '..', '...', '..data', '', ' ', '~', '\0', 'é'.repeat(128), 'n'.repeat(255), 'n'.repeat(256), '.hidden', '-');

describe('volumeFilePath', () => {
  it('gives the shortest form', () => {
    for (const [given, expected] of [['a', 'a'], ['./a//b/', 'a/b'], ['a/.hidden', 'a/.hidden'], ['a/...', 'a/...'], ['a/..b', 'a/..b']] as const) assert.equal(volumeFilePath(given), expected);
  });
  it('refuses what leads out or takes the writer\'s own names', () => {
    for (const given of ['', '/', '/a', '.', './', '..', '../a', 'a/..', 'a/../b', './../a', '..data', './..data', '..2026', 'a\0b', 'n'.repeat(256), 'a/'.repeat(2100)]) {
      assert.throws(() => volumeFilePath(given), { code: 'VOLUME_SOURCE_INVALID' }, JSON.stringify(given.slice(0, 20)));
    }
  });
  it('either refuses or stays inside, whatever it is given', () => {
    const check = (given: string) => {
      let clean: string;
      try {
        clean = volumeFilePath(given);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'VOLUME_SOURCE_INVALID');
        return;
      }
      const inside = path.join('/volume', clean);
      assert.ok(inside.startsWith('/volume/') && path.resolve(inside) === inside && !inside.endsWith('/'));
      assert.ok(!clean.startsWith('..') && !clean.split('/').includes('..') && !clean.includes('\0'));
      assert.equal(volumeFilePath(clean), clean);
    };
    fc.assert(fc.property(fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('/')), check));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), check));
  });
});
