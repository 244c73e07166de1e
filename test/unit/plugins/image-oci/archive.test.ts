import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { extractWasm } from '../../../../plugins/image-oci/archive/extract-wasm.ts';
import { readLayer } from '../../../../plugins/image-oci/archive/read-layer.ts';
import type { ArchiveLayer } from '../../../../plugins/image-oci/format/find-wasm.ts';
import type { TarEntry } from '../../../support/registry-fake/tar.ts';
import { tarOf } from '../../../support/registry-fake/tar.ts';

const limits = { fileBytes: 1000, layerBytes: 100_000, entries: 50 };
const never = new AbortController().signal;

describe('layers of a root filesystem', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-archive-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const layerOf = async (bytes: Uint8Array, compression: ArchiveLayer['compression'] = 'none'): Promise<ArchiveLayer> => {
    const file = path.join(directory, String(Math.random()));
    await writeFile(file, compression === 'gzip' ? zlib.gzipSync(bytes) : compression === 'zstd' ? zlib.zstdCompressSync(bytes) : bytes);
    return { mediaType: 'tar', digest: file, size: bytes.length, annotations: {}, compression };
  };
  const extract = async (entrypoint: string | undefined, ...layers: (readonly TarEntry[])[]): Promise<string | undefined> => {
    const read: string[] = [];
    const stored = await Promise.all(layers.map(async (entries) => layerOf(await tarOf(entries))));
    const found = await extractWasm(stored, entrypoint, (layer, wanted) => {
      read.push(layer.digest);
      return readLayer(layer.digest, layer, wanted, limits, never);
    });
    return found === undefined ? undefined : `${found.path}: ${Buffer.from(found.bytes).toString()}`;
  };

  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    it(`are read with compression ${compression}`, async () => {
      const layer = await layerOf(await tarOf([{ name: 'a/x.wasm', content: 'x' }]), compression);
      const { files } = await readLayer(layer.digest, layer, () => true, limits, never);
      assert.deepEqual([...files.keys()], ['a/x.wasm']);
    });
  }

  const table: readonly (readonly [string, string | undefined, readonly (readonly TarEntry[])[], string | undefined])[] = [
    ['give the named file', 'app.wasm', [[{ name: './app.wasm', content: 'A' }, { name: 'b.wasm', content: 'B' }]], 'app.wasm: A'],
    ['give the only .wasm file', undefined, [[{ name: 'etc/passwd', content: 'p' }, { name: 'srv/app.wasm', content: 'A' }]], 'srv/app.wasm: A'],
    ['give the upper layer', 'app.wasm', [[{ name: 'app.wasm', content: 'old' }], [{ name: 'app.wasm', content: 'new' }]], 'app.wasm: new'],
    ['give the lower layer when the upper has none', 'app.wasm', [[{ name: 'app.wasm', content: 'old' }], [{ name: 'x', content: 'x' }]], 'app.wasm: old'],
    ['give the last of two entries', 'app.wasm', [[{ name: 'app.wasm', content: 'one' }, { name: 'app.wasm', content: 'two' }]], 'app.wasm: two'],
    ['forget a file that is removed', 'app.wasm', [[{ name: 'app.wasm', content: 'old' }], [{ name: '.wh.app.wasm' }]], undefined],
    ['forget a directory that is removed', 'a/b/app.wasm', [[{ name: 'a/b/app.wasm', content: 'old' }], [{ name: '.wh.a' }]], undefined],
    ['forget what an opaque directory hides', 'a/b/app.wasm', [[{ name: 'a/b/app.wasm', content: 'old' }], [{ name: 'a/.wh..wh..opq' }]], undefined],
    ['give a file that comes back', 'app.wasm', [[{ name: 'app.wasm', content: '1' }], [{ name: '.wh.app.wasm' }], [{ name: 'app.wasm', content: '3' }]], 'app.wasm: 3'],
    ['follow a symbolic link', 'bin/app', [[{ name: 'srv/app.wasm', content: 'A' }, { name: 'bin/app', type: 'symlink', linkname: '../srv/app.wasm' }]], 'srv/app.wasm: A'],
    ['follow a hard link, down to a lower layer', 'app.wasm', [[{ name: 'x.wasm', content: 'X' }], [{ name: 'app.wasm', type: 'link', linkname: 'x.wasm' }]], 'x.wasm: X'],
    ['keep a way out inside', 'etc/x.wasm', [[{ name: '../../etc/x.wasm', content: 'in' }]], 'etc/x.wasm: in'],
    ['keep a link out inside', 'app.wasm', [[{ name: 'app.wasm', type: 'symlink', linkname: '../../../../etc/passwd' }]], undefined],
    ['have no such file', 'app.wasm', [[{ name: 'b.wasm', content: 'B' }]], undefined],
    ['know that a device is no file', 'app.wasm', [[{ name: 'app.wasm', type: 'character-device' }]], undefined],
  ];
  for (const [what, entrypoint, layers, expected] of table) it(what, async () => assert.equal(await extract(entrypoint, ...layers), expected));

  it('read no lower layer than they must', async () => {
    const layers = [await layerOf(Buffer.from('this is no archive')), await layerOf(await tarOf([{ name: 'app.wasm', content: 'A' }]))];
    assert.ok(await extractWasm(layers, 'app.wasm', (layer, wanted) => readLayer(layer.digest, layer, wanted, limits, never)));
  });

  const hostile: readonly (readonly [string, string | undefined, readonly TarEntry[], RegExp])[] = [
    ['links in a circle', 'a', [{ name: 'a', type: 'symlink', linkname: 'b' }, { name: 'b', type: 'symlink', linkname: 'a' }], /more than 8 links/],
    ['a file that is too long', 'a', [{ name: 'a', content: 'x'.repeat(1001) }], /a is longer than 1000 bytes/],
    ['too many entries', 'a', Array.from({ length: 51 }, (_, at) => ({ name: `f${at}`, content: '' })), /more than 50 entries/],
    ['too many bytes', 'a', [{ name: 'b', content: 'x'.repeat(100_001) }], /unpacks to more than 100000 bytes/],
    ['several Wasm files and no entry point', undefined, [{ name: 'a.wasm', content: '' }, { name: 'b.wasm', content: '' }], /several Wasm files: a\.wasm, b\.wasm/],
  ];
  for (const [what, entrypoint, entries, cause] of hostile) it(`are refused with ${what}`, async () => assert.rejects(extract(entrypoint, entries), cause));

  it('are refused with a bomb, before it has burst', async () => {
    const layer = await layerOf(new Uint8Array(50_000_000), 'gzip');
    await assert.rejects(readLayer(layer.digest, layer, () => true, limits, never), /unpacks to more than 100000 bytes/);
  });

  it('are refused when they are cut, or are no archive', async () => {
    const whole = await tarOf([{ name: 'app.wasm', content: 'x'.repeat(900) }]);
    for (const [bytes, compression] of [[whole.subarray(0, 1000), 'none'], [Buffer.from('hello '.repeat(200)), 'none'], [zlib.gzipSync(whole).subarray(0, 60), 'gzip']] as const) {
      const file = path.join(directory, 'cut');
      await writeFile(file, bytes);
      await assert.rejects(readLayer(file, { mediaType: '', digest: '', size: 0, annotations: {}, compression }, () => true, limits, never), Error);
    }
  });

  it('of any bytes are read or refused, and end', async () => {
    const whole = await tarOf([{ name: 'a.wasm', content: 'A' }, { name: 'b/c.wasm', type: 'symlink', linkname: '../a.wasm' }]);
    const change = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(fc.asyncProperty(change, async (changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      const layer = await layerOf(bytes);
      await readLayer(layer.digest, layer, () => true, limits, never).catch((error: unknown) => assert.ok(error instanceof Error));
    }));
  });

  it('stop when the pull is cancelled', async () => {
    const cancelled = new AbortController();
    // Longer than what is read at once, so that there is something left to stop.
    const layer = await layerOf(await tarOf(Array.from({ length: 49 }, (_, at) => ({ name: `f${at}`, content: 'x'.repeat(900) }))));
    const reading = readLayer(layer.digest, layer, () => {
      cancelled.abort();
      return true;
    }, limits, cancelled.signal);
    await assert.rejects(reading, { name: 'AbortError' });
  });
});
