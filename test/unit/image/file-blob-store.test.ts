import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FileBlobStore } from '../../../core/image/file-blob-store.ts';

const content = new TextEncoder().encode('some bytes');
const digest = digestOf(content);

describe('the blob store', () => {
  let directory: string;
  let blobs: FileBlobStore;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-blobs-'));
    blobs = new FileBlobStore(path.join(directory, 'blobs'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('keeps what has the digest and size that were promised, for the owner only', async () => {
    assert.equal(await blobs.has(digest), false);
    await blobs.write({ digest, size: content.length }, pieces(content));
    assert.equal(await blobs.has(digest), true);
    assert.deepEqual(new Uint8Array(await blobs.read(digest)), content);
    assert.equal((await stat(blobs.path(digest))).mode & 0o777, 0o600);
    assert.equal((await stat(path.dirname(blobs.path(digest)))).mode & 0o777, 0o700);
  });

  const lies: readonly (readonly [string, { readonly digest: string; readonly size: number }, string])[] = [
    ['another content', { digest: digestOf(new Uint8Array(content.length)), size: content.length }, 'IMAGE_DIGEST_MISMATCH'],
    ['a body that ends early', { digest, size: content.length + 1 }, 'IMAGE_SIZE_MISMATCH'],
    ['a body that goes on', { digest, size: content.length - 1 }, 'IMAGE_SIZE_MISMATCH'],
  ];
  for (const [what, descriptor, code] of lies) {
    it(`refuses ${what} and leaves nothing`, async () => {
      await assert.rejects(blobs.write(descriptor, pieces(content)), { code });
      assert.deepEqual(await filesBelow(directory), []);
    });
  }

  it('stops an endless body at the promised size', async () => {
    let sent = 0;
    async function* endless(): AsyncIterable<Uint8Array> {
      for (;;) {
        sent += 1000;
        yield new Uint8Array(1000);
      }
    }
    await assert.rejects(blobs.write({ digest, size: 5000 }, endless()), { code: 'IMAGE_SIZE_MISMATCH' });
    assert.equal(sent, 6000);
  });

  it('leaves nothing when the body fails, and passes its error on', async () => {
    async function* broken(): AsyncIterable<Uint8Array> {
      yield content.subarray(0, 3);
      throw new Error('wire cut');
    }
    await assert.rejects(blobs.write({ digest, size: content.length }, broken()), /wire cut/);
    assert.deepEqual(await filesBelow(directory), []);
  });

  it('reads a body once, however many want it at the same time', async () => {
    let bodies = 0;
    async function* counted(): AsyncIterable<Uint8Array> {
      bodies += 1;
      yield content;
    }
    await Promise.all(Array.from({ length: 8 }, () => blobs.write({ digest, size: content.length }, counted())));
    await blobs.write({ digest, size: content.length }, counted());
    assert.equal(bodies, 1);
  });

  it('lets the next one try when the first fails', async () => {
    async function* broken(): AsyncIterable<Uint8Array> {
      throw new Error('wire cut');
    }
    const [first, second] = await Promise.allSettled([blobs.write({ digest, size: content.length }, broken()), blobs.write({ digest, size: content.length }, pieces(content))]);
    assert.equal(first.status, 'rejected');
    assert.equal(second.status, 'fulfilled');
  });

  for (const bad of ['sha256:../../etc/passwd', '../x', 'sha256:', `sha256:${'A'.repeat(64)}`, `sha512:${'a'.repeat(128)}`]) {
    it(`has no path for ${bad.slice(0, 30)}`, () => assert.throws(() => blobs.path(bad), { code: 'IMAGE_MANIFEST_INVALID' }));
  }
});

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function* pieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 4) yield bytes.subarray(at, at + 4);
}

async function filesBelow(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);
}
