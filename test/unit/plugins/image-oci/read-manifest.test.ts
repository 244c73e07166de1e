import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { choosePlatform } from '../../../../plugins/image-oci/format/choose-platform.ts';
import { findWasm } from '../../../../plugins/image-oci/format/find-wasm.ts';
import { dockerList, dockerManifest, ociIndex, ociManifest } from '../../../../plugins/image-oci/format/media-types.ts';
import type { IndexEntry } from '../../../../plugins/image-oci/format/read-manifest.ts';
import { readManifest } from '../../../../plugins/image-oci/format/read-manifest.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 2 };
const image = { schemaVersion: 2, config, layers: [{ mediaType: 'application/wasm', digest, size: 8 }] };
const index = { schemaVersion: 2, manifests: [{ mediaType: ociManifest, digest, size: 8, platform: { os: 'wasi', architecture: 'wasm' } }] };
const read = (document: unknown, mediaType?: string) => readManifest({ bytes: new TextEncoder().encode(typeof document === 'string' ? document : JSON.stringify(document)), digest, ...(mediaType === undefined ? {} : { mediaType }) });

describe('a manifest', () => {
  for (const type of [undefined, ociManifest, dockerManifest]) {
    it(`is read with mediaType ${type ?? 'absent'}, in the document or in the header`, () => {
      assert.equal(read({ ...image, mediaType: type }).kind, 'manifest');
      assert.equal(read(image, type).kind, 'manifest');
      assert.equal(read(image, 'application/octet-stream').kind, 'manifest');
    });
  }
  for (const type of [undefined, ociIndex, dockerList]) it(`is an index with mediaType ${type ?? 'absent'}`, () => assert.equal(read({ ...index, mediaType: type }).kind, 'index'));

  const refused: readonly (readonly [string, unknown, RegExp])[] = [
    ['an HTML page', '<!DOCTYPE html><p>Please log in', /HTML/],
    ['no JSON', '{"a":', /not JSON/],
    ['a list', [], /not an object/],
    ['schema version 1', { schemaVersion: 1, fsLayers: [] }, /schema version 1/],
    ['another schema version', { schemaVersion: 3 }, /schemaVersion is 3/],
    ['image and index at once', { ...image, ...index }, /at once/],
    ['neither', { schemaVersion: 2 }, /neither/],
    ['an index that says it is an image', { ...index, mediaType: ociManifest }, /does not fit/],
    ['an unknown type', { ...image, mediaType: 'text/plain' }, /does not fit/],
    ['no digest', { ...image, config: { ...config, digest: undefined } }, /config\.digest is absent/],
    ['a digest that is a path', { ...image, config: { ...config, digest: 'sha256:../../x' } }, /config\.digest/],
    ['a negative size', { ...image, config: { ...config, size: -1 } }, /config\.size is -1/],
    ['a size that is no number', { ...image, config: { ...config, size: 1e400 } }, /config\.size/],
    ['layers that are no list', { ...image, layers: {} }, /layers is \{\}, not a list/],
    ['too many layers', { ...image, layers: Array(10_001).fill(config) }, /10000 are the most/],
    ['annotations that are no texts', { ...image, annotations: { a: 1 } }, /annotations/],
    ['a platform without an architecture', { ...index, manifests: [{ ...config, platform: { os: 'linux' } }] }, /manifests\[0\]\.platform/],
  ];
  for (const [what, document, cause] of refused) it(`is refused with ${what}`, () => assert.throws(() => read(document), cause));

  it('of any content is read or refused with an Error, and so is what follows', () => {
    const value = fc.oneof({ weight: 3, arbitrary: fc.constantFrom<unknown>(2, digest, config, [config], [], {}, 'application/wasm', ociIndex, ociManifest, null, -1, 1.5) }, fc.jsonValue());
    const document = fc.record({ schemaVersion: fc.constant(2), mediaType: value, config: value, layers: value, manifests: value, annotations: value }, { requiredKeys: ['schemaVersion'] });
    fc.assert(fc.property(document, fc.string(), (manifest, configText) => {
      try {
        const found = read(manifest);
        if (found.kind === 'manifest') findWasm(found, new TextEncoder().encode(configText));
        else choosePlatform(found.manifests);
      } catch (error) {
        assert.ok(error instanceof Error && error.constructor === Error, String(error));
      }
    }), { numRuns: 1000 });
  });
});

describe('the platform of an index', () => {
  const entry = (platform: string | undefined, annotations = {}): IndexEntry => {
    const [os = '', architecture = ''] = platform?.split('/') ?? [];
    return { mediaType: ociManifest, digest, size: 1, annotations, ...(platform === undefined ? {} : { platform: { os, architecture } }) };
  };
  const table: readonly (readonly [readonly (string | undefined)[], string | undefined | null])[] = [
    [['linux/amd64', 'wasi/wasm', 'linux/arm64'], 'wasi/wasm'],
    [['wasi/wasm32', 'linux/amd64'], 'wasi/wasm32'],
    [['wasi/wasm', 'wasip1/wasm', 'wasip2/wasm'], 'wasip2/wasm'],
    [['Wasip1/wasm', 'js/wasm'], 'Wasip1/wasm'],
    [['linux/amd64'], 'linux/amd64'],
    [['linux/amd64', 'unknown/unknown'], 'linux/amd64'],
    [[undefined], undefined],
    [['linux/amd64', 'linux/arm64'], null],
    [['unknown/unknown'], null],
    [[], null],
  ];
  for (const [platforms, chosen] of table) {
    it(`of [${platforms.join(', ')}] is ${chosen === null ? 'none' : chosen ?? 'the only one'}`, () => {
      const found = choosePlatform(platforms.map((platform) => entry(platform)));
      const name = found === undefined ? null : found.platform === undefined ? undefined : `${found.platform.os}/${found.platform.architecture}`;
      assert.equal(name, chosen);
    });
  }
  it("is never buildkit's attestation", () => assert.equal(choosePlatform([entry('linux/amd64', { 'vnd.docker.reference.type': 'attestation-manifest' })]), undefined));
});
