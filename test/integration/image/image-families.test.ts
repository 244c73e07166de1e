import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import zlib from 'node:zlib';
import type { FakeBlob, RegistryFake } from '../../support/registry-fake/registry-fake.ts';
import { emptyModule, startRegistryFake } from '../../support/registry-fake/registry-fake.ts';
import { tarOf } from '../../support/registry-fake/tar.ts';
import type { ImageBed } from './image-bed.ts';
import { createImageBed } from './image-bed.ts';

const json = (mediaType: string, value: object): FakeBlob => ({ mediaType, bytes: Buffer.from(JSON.stringify(value)) });
const wasm = (mediaType: string, title?: string): FakeBlob => ({ mediaType, bytes: emptyModule, ...(title === undefined ? {} : { annotations: { 'org.opencontainers.image.title': title } }) });
const imageConfig = 'application/vnd.oci.image.config.v1+json';
const tarGzip = async (files: Readonly<Record<string, Uint8Array | string>>): Promise<FakeBlob> => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  bytes: zlib.gzipSync(await tarOf(Object.entries(files).map(([name, content]) => ({ name, content })))),
});

describe('the five families of Wasm images', () => {
  let registry: RegistryFake;
  let bed: ImageBed;
  before(async () => {
    registry = await startRegistryFake();
  });
  after(() => registry.stop());
  beforeEach(async () => {
    bed = await createImageBed();
  });
  afterEach(() => bed.stop());

  const families: readonly (readonly [string, () => Promise<Parameters<RegistryFake['addImage']>[1]>, string, object])[] = [
    ['wasm-to-oci, without mediaType', async () => ({ mediaType: null, config: json('application/vnd.wasm.config.v1+json', {}), layers: [wasm('application/vnd.wasm.content.layer.v1+wasm', './dir/a.wasm')] }), 'a.wasm', {}],
    ['CNCF', async () => ({ config: json('application/vnd.wasm.config.v0+json', { os: 'wasip1', architecture: 'wasm' }), layers: [wasm('application/wasm', 'b.wasm')] }), 'b.wasm', {}],
    ['CNCF without a title', async () => ({ config: json('application/vnd.wasm.config.v0+json', {}), layers: [wasm('application/wasm')] }), 'app.wasm', {}],
    ['a compat image', async () => ({
      config: json(imageConfig, { os: 'linux', architecture: 'amd64', config: { Entrypoint: ['/c.wasm'], Cmd: ['x'], Env: ['A=1'] } }),
      layers: [await tarGzip({ 'etc/passwd': 'root' }), await tarGzip({ 'c.wasm': emptyModule })],
      annotations: { 'module.wasm.image/variant': 'compat' },
    }), 'c.wasm', { entrypoint: ['/c.wasm'], cmd: ['x'], env: [['A', '1']] }],
    ['an OCI image with a Wasm layer', async () => ({ config: json(imageConfig, { os: 'wasip1', architecture: 'wasm' }), layers: [wasm('application/vnd.bytecodealliance.wasm.component.layer.v0+wasm', 'd.wasm')] }), 'd.wasm', {}],
    ['a Spin application of one component', async () => ({ config: json(imageConfig, { os: 'Wasip1', architecture: 'wasm' }), layers: [wasm('application/vnd.wasm.content.layer.v1+wasm'), json('application/vnd.fermyon.spin.application.v1+config', {})] }), 'app.wasm', {}],
  ];
  for (const [what, build, name, config] of families) {
    it(`${what} is pulled`, async () => {
      const digest = registry.addImage('family/app', await build());
      const image = await bed.pull(`${registry.address}/family/app:1`);
      assert.equal(image.id, `${registry.address}/family/app@${digest}`);
      assert.deepEqual([image.artifact.name, image.artifact.kind, image.artifact.sizeBytes], [name, 'module', emptyModule.length]);
      assert.deepEqual(image.config, config);
      assert.deepEqual((await bed.pull(image.id)).artifact, image.artifact);
    });
  }

  it("an index's Wasm platform is pulled, and the image is the index", async () => {
    const manifestType = 'application/vnd.oci.image.manifest.v1+json';
    registry.addImage('multi/app', { config: json(imageConfig, { os: 'wasi', architecture: 'wasm', config: { Entrypoint: ['/app.wasm'] } }), layers: [await tarGzip({ 'app.wasm': emptyModule })] });
    const inner = await fetch(`http://${registry.address}/v2/multi/app/manifests/1`).then((response) => response.arrayBuffer());
    const digest = `sha256:${createHash('sha256').update(new Uint8Array(inner)).digest('hex')}`;
    const linux = { mediaType: manifestType, digest: `sha256:${'1'.repeat(64)}`, size: 1, platform: { os: 'linux', architecture: 'amd64' } };
    const top = registry.addManifest('multi/app', { schemaVersion: 2, manifests: [linux, { mediaType: manifestType, digest, size: inner.byteLength, platform: { os: 'wasi', architecture: 'wasm' } }] }, 'application/vnd.oci.image.index.v1+json');
    const image = await bed.pull(`${registry.address}/multi/app:1`);
    assert.equal(image.id, `${registry.address}/multi/app@${top}`);
    registry.addManifest('linux/app', { schemaVersion: 2, manifests: [linux, { ...linux, platform: { os: 'linux', architecture: 'arm64' } }] }, 'application/vnd.oci.image.index.v1+json');
    await assert.rejects(bed.pull(`${registry.address}/linux/app:1`), { code: 'IMAGE_NO_WASM', message: /its platforms are linux\/amd64, linux\/arm64/ });
  });

  it('an image without Wasm is refused before a layer is fetched', async () => {
    const layer = await tarGzip({ 'bin/sh': 'no' });
    registry.addImage('plain/linux', { config: json(imageConfig, { os: 'linux', architecture: 'amd64', config: { Cmd: ['/bin/sh'] } }), layers: [layer] });
    registry.addImage('plain/text', { config: json('application/vnd.oci.empty.v1+json', {}), layers: [{ mediaType: 'text/plain', bytes: Buffer.from('hello') }] });
    for (const name of ['linux', 'text']) await assert.rejects(bed.pull(`${registry.address}/plain/${name}:1`), { code: 'IMAGE_NO_WASM', message: new RegExp(`^registry ${registry.address}, repository plain/${name}: the image holds no WebAssembly`) });
    const layers = [layer.bytes, Buffer.from('hello')].map((bytes) => createHash('sha256').update(bytes).digest('hex'));
    assert.deepEqual(registry.requests.filter(({ path }) => layers.some((digest) => path.endsWith(digest))), []);
  });

  it('a layer that says it is Wasm and is text is refused', async () => {
    registry.addImage('lie/text', { config: json('application/vnd.wasm.config.v0+json', {}), layers: [{ mediaType: 'application/wasm', bytes: Buffer.from('#!/bin/sh') }] });
    await assert.rejects(bed.pull(`${registry.address}/lie/text:1`), { code: 'IMAGE_NO_WASM' });
  });

  it('a malformed module is pulled, and says what is wrong', async () => {
    registry.addImage('bad/module', { config: json('application/vnd.wasm.config.v0+json', {}), layers: [{ mediaType: 'application/wasm', bytes: Buffer.concat([emptyModule, Buffer.from([1, 200])]) }] });
    const { inspection } = (await bed.pull(`${registry.address}/bad/module:1`)).artifact;
    assert.ok(inspection.kind === 'module' && inspection.malformed !== undefined);
  });

  it('a hostile archive is refused and leaves nothing', async () => {
    const bomb = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', bytes: zlib.gzipSync(await tarOf([{ name: 'app.wasm', content: new Uint8Array(8 * 2 ** 20) }])) };
    registry.addImage('bad/bomb', { config: json(imageConfig, { architecture: 'wasm', config: { Entrypoint: ['/app.wasm'] } }), layers: [bomb] });
    await assert.rejects(bed.pull(`${registry.address}/bad/bomb:1`), { code: 'IMAGE_ARCHIVE_INVALID', message: /repository bad\/bomb: a layer cannot be unpacked: app\.wasm is longer than 1048576 bytes/ });
    assert.deepEqual(await bed.partialFiles(), []);
  });

  it('a layer over the bound is refused before it is fetched', async () => {
    const bytes = Buffer.concat([emptyModule, Buffer.alloc(2 ** 20)]);
    registry.addImage('bad/large', { config: json('application/vnd.wasm.config.v0+json', {}), layers: [{ mediaType: 'application/wasm', bytes }] });
    await assert.rejects(bed.pull(`${registry.address}/bad/large:1`), { code: 'IMAGE_MANIFEST_INVALID', message: /its Wasm layer is 1048584 bytes long; 1048576 are the most/ });
    assert.ok(!registry.requests.some(({ path }) => path.endsWith(createHash('sha256').update(bytes).digest('hex'))));
  });
});
