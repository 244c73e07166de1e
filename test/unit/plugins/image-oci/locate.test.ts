import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildManifest } from '../../../../plugins/image-oci/format/build-manifest.ts';
import type { RegistryEntry } from '../../../../plugins/image-oci/registry-entry.ts';
import { locate } from '../../../../plugins/image-oci/registry-entry.ts';

function at(registry: string, repository: string, entries: readonly RegistryEntry[]): string {
  const found = locate({ registry, repository, tag: 'x' }, entries);
  return found.kind === 'layout' ? `layout ${found.directory} ${found.repository}` : `${found.origin} ${found.repository} as ${found.credentialsHost}${found.ca === undefined ? '' : ` with ${found.ca}`}`;
}

describe('a repository', () => {
  const table: readonly (readonly [string, string, readonly RegistryEntry[], string])[] = [
    ['ghcr.io', 'a/b', [], 'https://ghcr.io a/b as ghcr.io'],
    ['docker.io', 'library/x', [], 'https://registry-1.docker.io library/x as docker.io'],
    ['localhost:5000', 'x', [], 'http://localhost:5000 x as localhost:5000'],
    ['127.0.0.5', 'x', [], 'http://127.0.0.5 x as 127.0.0.5'],
    ['[::1]:5000', 'x', [], 'http://[::1]:5000 x as [::1]:5000'],
    ['127.0.0.1.evil.io', 'x', [], 'https://127.0.0.1.evil.io x as 127.0.0.1.evil.io'],
    ['localhost:5000', 'x', [{ prefix: 'localhost:5000', ca: 'ca.pem' }], 'https://localhost:5000 x as localhost:5000 with ca.pem'],
    ['localhost:5000', 'x', [{ prefix: 'localhost:5000', plainHTTP: false }], 'https://localhost:5000 x as localhost:5000'],
    ['reg.lan', 'x', [{ prefix: 'reg.lan', plainHTTP: true }], 'http://reg.lan x as reg.lan'],
    ['reg.land', 'x', [{ prefix: 'reg.lan', plainHTTP: true }], 'https://reg.land x as reg.land'],
    ['docker.io', 'library/x', [{ prefix: 'docker.io', mirror: 'mirror.lan' }], 'https://mirror.lan library/x as mirror.lan'],
    ['docker.io', 'library/x', [{ prefix: 'docker.io', mirror: 'http://mirror.lan/hub/' }], 'http://mirror.lan hub/library/x as mirror.lan'],
    ['docker.io', 'library/x', [{ prefix: 'docker.io/library', mirror: 'mirror.lan/hub' }], 'https://mirror.lan hub/x as mirror.lan'],
    ['ghcr.io', 'a/b/c', [{ prefix: 'ghcr.io', mirror: 'one.lan' }, { prefix: 'ghcr.io/a/', mirror: 'two.lan' }, { prefix: 'ghcr.io/a/bb', mirror: 'three.lan' }], 'https://two.lan b/c as two.lan'],
    ['ex.dev', 'a/b', [{ prefix: 'ex.dev', mirror: 'oci-layout:/srv/images' }], 'layout /srv/images a/b'],
    ['ex.dev', 'a/b', [{ prefix: 'ex.dev/a/b', mirror: 'oci-layout:/srv/images' }], 'layout /srv/images '],
    ['reg.lan', 'x', [{ prefix: 'reg.lan', mirror: '127.0.0.1:5000' }], 'http://127.0.0.1:5000 x as 127.0.0.1:5000'],
  ];
  for (const [registry, repository, entries, place] of table) {
    it(`${registry}/${repository} with ${JSON.stringify(entries)} is ${place}`, () => assert.equal(at(registry, repository, entries), place));
  }
});

describe('a pushed manifest', () => {
  const bytes = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const layerDigest = 'sha256:93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476';
  const module = { kind: 'module', imports: [], exports: [], memories: [], start: false, gc: false } as const;
  const text = (part: Uint8Array): string => new TextDecoder().decode(part);

  it("is byte for byte wasm-to-oci's", () => {
    const built = buildManifest({ bytes, fileName: './out/hello.wasm', format: 'wasm-to-oci', inspection: module, created: '2026-01-01T00:00:00Z' });
    assert.equal(text(built.config.bytes), '{}');
    assert.equal(text(built.manifest.bytes), `{"schemaVersion":2,"config":{"mediaType":"application/vnd.wasm.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[{"mediaType":"application/vnd.wasm.content.layer.v1+wasm","digest":"${layerDigest}","size":8,"annotations":{"org.opencontainers.image.title":"./out/hello.wasm"}}]}`);
  });

  it('is a CNCF artifact of version 0', () => {
    const built = buildManifest({ bytes, fileName: './out/hello.wasm', format: 'cncf', inspection: module, created: '2026-01-01T00:00:00Z' });
    assert.deepEqual(JSON.parse(text(built.config.bytes)), { created: '2026-01-01T00:00:00Z', author: null, architecture: 'wasm', os: 'wasip1', layerDigests: [layerDigest], component: null });
    const manifest = JSON.parse(text(built.manifest.bytes)) as { mediaType: string; layers: [{ mediaType: string; annotations: object }] };
    assert.equal(manifest.mediaType, 'application/vnd.oci.image.manifest.v1+json');
    assert.deepEqual([manifest.layers[0].mediaType, manifest.layers[0].annotations], ['application/wasm', { 'org.opencontainers.image.title': 'hello.wasm' }]);
  });

  it('of a component names its imports, exports and world', () => {
    const inspection = { kind: 'component', imports: ['wasi:cli/environment@0.2.6'], exports: ['wasi:cli/run@0.2.6'], world: 'wasi:cli/command@0.2.6', coreModules: [] } as const;
    const built = buildManifest({ bytes, fileName: 'c.wasm', format: 'cncf', inspection, created: '2026-01-01T00:00:00Z' });
    const config = JSON.parse(text(built.config.bytes)) as { os: string; component: object };
    assert.deepEqual([config.os, config.component], ['wasip2', { exports: inspection.exports, imports: inspection.imports, target: inspection.world }]);
  });
});
