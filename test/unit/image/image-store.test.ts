import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { BlobStore, FetchedImage, ImageReference, ImageSource } from '../../../core/api/image.ts';
import { WasmletError } from '../../../core/api/errors.ts';
import { FileBlobStore } from '../../../core/image/file-blob-store.ts';
import { ImageIndex } from '../../../core/image/image-index.ts';
import { ImageStore } from '../../../core/image/image-store.ts';
import { formatReference } from '../../../core/image/reference.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

const emptyModule = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const never = new AbortController().signal;

/** A registry in memory: every reference has the same content until a test changes it. */
class FakeSource implements ImageSource {
  readonly name = 'fake';
  bytes: Uint8Array = emptyModule;
  manifest = digestOf(new TextEncoder().encode('one'));
  readonly calls: string[] = [];
  running = 0;
  most = 0;
  /** Holds fetches until it is opened. */
  gate: PromiseWithResolvers<void> | undefined;
  failure: Error | undefined;

  async resolve(reference: ImageReference): Promise<string> {
    this.calls.push(`resolve ${formatReference(reference)}`);
    return this.manifest;
  }

  async fetch(reference: ImageReference, _credentials: unknown, blobs: BlobStore, signal: AbortSignal): Promise<FetchedImage> {
    this.calls.push(`fetch ${reference.digest === this.manifest ? 'by digest' : formatReference(reference)}`);
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    try {
      if (this.gate !== undefined) await Promise.race([this.gate.promise, aborted(signal)]);
      if (this.failure !== undefined) throw this.failure;
      const digest = digestOf(this.bytes);
      await blobs.write({ digest, size: this.bytes.length }, once(this.bytes));
      return { manifestDigest: this.manifest, config: { cmd: ['x'] }, artifactDigest: digest, artifactName: 'x.wasm', sizeBytes: 100 };
    } finally {
      this.running -= 1;
    }
  }
}

describe('the image store', () => {
  let directory: string;
  let clock: VirtualClock;
  let source: FakeSource;
  let store: ImageStore;

  const open = (): ImageStore => new ImageStore({
    blobs: new FileBlobStore(path.join(directory, 'blobs')),
    index: new ImageIndex(path.join(directory, 'references'), silentLogger),
    sources: () => [source],
    maxParallelPulls: 2,
    pullDeadline: 60_000,
    clock,
    logger: silentLogger,
  });
  /** Disk work takes turns of its own: as many as it needs, and no time. */
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await turn();
  };
  const running = (count: number) => () => until(() => source.running === count);

  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-images-'));
    clock = new VirtualClock();
    source = new FakeSource();
    store = open();
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('answers an image by the reference as the pod names it', async () => {
    assert.equal(await store.find('hello'), undefined);
    const { image } = await store.pull({ reference: 'hello', credentials: [] }, never);
    assert.deepEqual(image, {
      reference: 'docker.io/library/hello:latest',
      id: `docker.io/library/hello@${source.manifest}`,
      config: { cmd: ['x'] },
      sizeBytes: 100,
      artifact: {
        kind: 'module',
        digest: digestOf(emptyModule),
        name: 'x.wasm',
        sizeBytes: emptyModule.length,
        path: path.join(directory, 'blobs', 'sha256', digestOf(emptyModule).slice(7)),
        inspection: { kind: 'module', imports: [], exports: [], memories: [], start: false, gc: false },
      },
    });
    assert.deepEqual(await store.find('docker.io/library/hello'), image);
    assert.deepEqual(await store.list(), [image]);
    assert.deepEqual(source.calls, ['resolve docker.io/library/hello:latest', 'fetch by digest']);
  });

  it('knows its images after a restart', async () => {
    const { image } = await store.pull({ reference: 'hello', credentials: [] }, never);
    assert.deepEqual(await open().find('hello'), image);
  });

  it('asks again at each pull, and fetches only what has changed', async () => {
    await store.pull({ reference: 'hello', credentials: [] }, never);
    await store.pull({ reference: 'hello', credentials: [] }, never);
    assert.equal(source.calls.filter((call) => call.startsWith('fetch')).length, 1);
    source.manifest = digestOf(new TextEncoder().encode('two'));
    const { image } = await store.pull({ reference: 'hello', credentials: [] }, never);
    assert.equal(image.id, `docker.io/library/hello@${source.manifest}`);
    assert.equal((await store.find('hello'))?.id, image.id);
  });

  it('does not know an image whose bytes are gone or cut, and fetches it again', async () => {
    const { image } = await store.pull({ reference: 'hello', credentials: [] }, never);
    await writeFile(image.artifact.path, 'cut');
    assert.equal(await store.find('hello'), undefined);
    await rm(image.artifact.path);
    assert.equal(await store.find('hello'), undefined);
    assert.deepEqual((await store.pull({ reference: 'hello', credentials: [] }, never)).image, image);
  });

  it('does not know an image whose bytes the disk does not give back; the others stay known, and a pull says what is wrong', async () => {
    const { image } = await store.pull({ reference: 'hello', credentials: [] }, never);
    source.bytes = Uint8Array.of(...emptyModule, 0, 1, 0);
    source.manifest = digestOf(new TextEncoder().encode('two'));
    await store.pull({ reference: 'other', credentials: [] }, never);
    await rm(image.artifact.path);
    // As a directory without the right to search it and a broken disk do, also for root.
    await symlink(image.artifact.path, image.artifact.path);
    assert.equal(await store.find('hello'), undefined);
    assert.deepEqual((await store.list()).map(({ reference }) => reference), ['docker.io/library/other:latest']);
    source.bytes = emptyModule;
    await assert.rejects(store.pull({ reference: 'hello', credentials: [] }, never), { code: 'IMAGE_PULL_FAILED', message: /^the node cannot look for a blob: ELOOP/ });
  });

  it('takes a damaged record as none', async () => {
    await store.pull({ reference: 'hello', credentials: [] }, never);
    const [record] = await readdir(path.join(directory, 'references'));
    for (const text of ['', '{', 'null', '{"format":99}']) {
      await writeFile(path.join(directory, 'references', record!), text);
      assert.equal(await store.find('hello'), undefined);
      assert.deepEqual(await store.list(), []);
    }
  });

  it('refuses what is no reference', async () => {
    await assert.rejects(store.find('Not A Name'), { code: 'IMAGE_NAME_INVALID' });
    await assert.rejects(store.pull({ reference: 'x@y', credentials: [] }, never), { code: 'IMAGE_NAME_INVALID' });
  });

  it('keeps a malformed module with what is wrong with it', async () => {
    source.bytes = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 99);
    const { image } = await store.pull({ reference: 'broken', credentials: [] }, never);
    const { inspection } = image.artifact;
    assert.equal(inspection.kind, 'module');
    assert.ok(inspection.kind === 'module' && (inspection.malformed?.length ?? 0) > 0);
  });

  it('refuses what is not Wasm at all', async () => {
    source.bytes = new TextEncoder().encode('hello, I am a text');
    await assert.rejects(store.pull({ reference: 'text', credentials: [] }, never), { code: 'IMAGE_NO_WASM' });
    assert.equal(await store.find('text'), undefined);
  });

  it('pulls once for all who want the same reference with the same credentials', async () => {
    source.gate = Promise.withResolvers();
    const pulls = ['hello', 'docker.io/hello:latest', 'hello'].map((reference) => store.pull({ reference, credentials: [] }, never));
    const other = store.pull({ reference: 'hello', credentials: [{ registry: 'docker.io', username: 'a', password: 'b' }] }, never);
    await running(2)();
    source.gate.resolve();
    await Promise.all([...pulls, other]);
    assert.equal(source.calls.filter((call) => call.startsWith('resolve')).length, 2);
  });

  it('pulls no more than its bound at the same time, in order, and tells the wait', async () => {
    source.gate = Promise.withResolvers();
    const pulls = ['a', 'b', 'c', 'd'].map((reference) => store.pull({ reference, credentials: [] }, never));
    await clock.advance(5000, running(2));
    source.gate.resolve();
    const results = await Promise.all(pulls);
    assert.equal(source.most, 2);
    assert.deepEqual(results.map(({ pullMilliseconds, totalMilliseconds }) => [pullMilliseconds, totalMilliseconds]), [[5000, 5000], [5000, 5000], [0, 5000], [0, 5000]]);
  });

  it('ends a pull at its deadline, and gives its place back', async () => {
    source.gate = Promise.withResolvers();
    const pull = store.pull({ reference: 'ghcr.io/slow/one', credentials: [] }, never);
    const ended = assert.rejects(pull, (error) => error instanceof WasmletError && error.code === 'REGISTRY_TIMEOUT' && /ghcr\.io.*slow\/one.*60 s/.test(error.message));
    await running(1)();
    await clock.advance(60_000, async () => undefined);
    await ended;
    await running(0)();
    source.gate = undefined;
    await Promise.all(['a', 'b'].map((reference) => store.pull({ reference, credentials: [] }, never)));
  });

  it('goes on for the others when one who waits leaves, and is cancelled when the last leaves', async () => {
    source.gate = Promise.withResolvers();
    const [first, second] = [new AbortController(), new AbortController()];
    const pulls = [first, second].map(({ signal }) => store.pull({ reference: 'hello', credentials: [] }, signal));
    const ends = pulls.map((pull) => assert.rejects(pull, { name: 'AbortError' }));
    await running(1)();
    first.abort();
    await ends[0];
    assert.equal(source.running, 1);
    second.abort();
    await ends[1];
    await running(0)();
    source.gate = undefined;
    await store.pull({ reference: 'hello', credentials: [] }, never);
  });

  it('lets who waits for a place leave', async () => {
    source.gate = Promise.withResolvers();
    const held = ['a', 'b'].map((reference) => store.pull({ reference, credentials: [] }, never));
    const leaving = new AbortController();
    const waiting = assert.rejects(store.pull({ reference: 'c', credentials: [] }, leaving.signal), { name: 'AbortError' });
    await running(2)();
    leaving.abort();
    await waiting;
    source.gate.resolve();
    await Promise.all(held);
    await store.pull({ reference: 'd', credentials: [] }, never);
  });

  it('passes codes on, and gives one to what has none', async () => {
    source.failure = new WasmletError('IMAGE_FORBIDDEN', 'no');
    await assert.rejects(store.pull({ reference: 'a', credentials: [] }, never), { code: 'IMAGE_FORBIDDEN' });
    source.failure = new TypeError('plugin bug');
    await assert.rejects(store.pull({ reference: 'ghcr.io/a/b', credentials: [] }, never), (error) => error instanceof WasmletError && error.code === 'IMAGE_PULL_FAILED' && /ghcr\.io.*a\/b.*plugin bug/.test(error.message));
  });

  it('asks a source that is for the reference before one that is for all', async () => {
    const special = new FakeSource();
    const asked = new ImageStore({
      blobs: new FileBlobStore(path.join(directory, 'blobs')), index: new ImageIndex(path.join(directory, 'references'), silentLogger), maxParallelPulls: 1, pullDeadline: 1000, clock, logger: silentLogger,
      sources: () => [source, Object.assign(special, { accepts: ({ registry }: ImageReference) => registry === 'special.dev' })],
    });
    await asked.pull({ reference: 'special.dev/x', credentials: [] }, never);
    await asked.pull({ reference: 'other.dev/x', credentials: [] }, never);
    assert.equal(special.calls.length, 2);
    assert.equal(source.calls.length, 2);
  });
});

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
}
