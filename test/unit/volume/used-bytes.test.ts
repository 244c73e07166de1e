import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { usedBytes } from '../../../core/volume/used-bytes.ts';

test('what a directory holds counts in blocks, a file with two names once, and nothing behind a link', async () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'wasmlet-used-'));
  try {
    mkdirSync(path.join(directory, 'sub'));
    writeFileSync(path.join(directory, 'sub/file'), new Uint8Array(1_000_000));
    const once = await usedBytes(directory, Infinity);
    assert.ok(once >= 1_000_000 && once < 1_100_000, `${once}`);
    linkSync(path.join(directory, 'sub/file'), path.join(directory, 'again'));
    symlinkSync('/usr', path.join(directory, 'link'));
    assert.ok((await usedBytes(directory, Infinity)) < 1_100_000);
    assert.ok((await usedBytes(directory, 1000)) > 1000);
    assert.equal(await usedBytes(path.join(directory, 'gone'), Infinity), 0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
