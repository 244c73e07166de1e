import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findWasm } from '../../../../plugins/image-oci/format/find-wasm.ts';
import type { Descriptor } from '../../../../plugins/image-oci/repository.ts';

const ociConfig = 'application/vnd.oci.image.config.v1+json';
const tarGzip = 'application/vnd.oci.image.layer.v1.tar+gzip';

function descriptor(mediaType: string, annotations = {}): Descriptor {
  return { mediaType, digest: `sha256:${'a'.repeat(64)}`, size: 1, annotations };
}

function find(config: string, layers: readonly (string | Descriptor)[], configuration: object = {}, annotations: Readonly<Record<string, string>> = {}) {
  return findWasm({ kind: 'manifest', config: descriptor(config), layers: layers.map((layer) => (typeof layer === 'string' ? descriptor(layer) : layer)), annotations }, new TextEncoder().encode(JSON.stringify(configuration)));
}

describe('the Wasm of an image', () => {
  it('is the one layer of a CNCF artifact, named by its title', () => {
    const found = find('application/vnd.wasm.config.v0+json', [descriptor('application/wasm', { 'org.opencontainers.image.title': 'dir/hello.wasm' })], { os: 'wasip2', architecture: 'wasm' });
    assert.deepEqual({ kind: found.kind, name: 'name' in found && found.name, config: 'config' in found && found.config }, { kind: 'layer', name: 'hello.wasm', config: {} });
  });

  it('is the first layer of what wasm-to-oci pushed, as Krustlet took it', () => {
    const wasm = 'application/vnd.wasm.content.layer.v1+wasm';
    const found = find('application/vnd.wasm.config.v1+json', [descriptor(wasm, { 'org.opencontainers.image.title': '../first.wasm' }), wasm]);
    assert.ok(found.kind === 'layer' && found.name === 'first.wasm');
  });

  for (const type of ['application/vnd.bytecodealliance.wasm.component.layer.v0+wasm', 'application/wasm', 'application/vnd.module.wasm.content.layer.v1+wasm']) {
    it(`is a layer of the type ${type}`, () => {
      const found = find(ociConfig, [tarGzip, type], { os: 'wasip1', architecture: 'wasm', config: { Entrypoint: ['/app.wasm'], Cmd: ['a'], Env: ['A=b=c', 'X'], WorkingDir: '/w' } });
      assert.ok(found.kind === 'layer' && found.layer.mediaType === type && found.name === 'app.wasm');
      assert.deepEqual(found.config, { entrypoint: ['/app.wasm'], cmd: ['a'], env: [['A', 'b=c'], ['X', '']], workingDir: '/w' });
    });
  }

  const spin = 'application/vnd.fermyon.spin.application.v1+config';
  const component = 'application/vnd.wasm.content.layer.v1+wasm';
  it('is the component of a Spin application that has one', () => assert.equal(find(ociConfig, [component, spin], { os: 'Wasip1', architecture: 'wasm' }).kind, 'layer'));

  for (const [what, entrypoint, path] of [['absolute', ['/bin/app.wasm'], 'bin/app.wasm'], ['relative to the working directory', ['app.wasm'], 'srv/app.wasm'], ['full of dots', ['/../../a/./app.wasm'], 'a/app.wasm'], ['with _start', ['/app.wasm#_start'], 'app.wasm']] as const) {
    it(`is in the root filesystem when the entry point is a .wasm file, ${what}`, () => {
      const found = find(ociConfig, [tarGzip], { os: 'linux', architecture: 'amd64', config: { Entrypoint: entrypoint, WorkingDir: '/srv' } });
      assert.ok(found.kind === 'archive');
      assert.equal(found.entrypoint, path);
    });
  }

  it('is in the root filesystem of an image for Wasm, or of one that is annotated so', () => {
    const platform = find(ociConfig, [tarGzip], { os: 'wasi', architecture: 'wasm' });
    assert.ok(platform.kind === 'archive' && platform.entrypoint === undefined);
    const annotated = find(ociConfig, ['application/vnd.docker.image.rootfs.diff.tar.gzip'], { os: 'linux', architecture: 'amd64', config: { Cmd: ['/plugin'] } }, { 'module.wasm.image/variant': 'compat' });
    assert.ok(annotated.kind === 'archive' && annotated.entrypoint === 'plugin' && annotated.layers[0]!.compression === 'gzip');
  });

  const refused: readonly (readonly [string, ReturnType<typeof find>, string, RegExp])[] = [
    ['a Linux image', find(ociConfig, [tarGzip], { os: 'linux', architecture: 'amd64', config: { Entrypoint: ['/bin/sh'] } }), 'IMAGE_NO_WASM', /linux\/amd64 image that runs "\/bin\/sh"/],
    ['a text file', find('application/vnd.oci.empty.v1+json', ['text/plain']), 'IMAGE_NO_WASM', /text\/plain/],
    ['an image without layers', find(ociConfig, [], { architecture: 'wasm' }), 'IMAGE_NO_WASM', /no layers/],
    ['a CNCF artifact of two layers', find('application/vnd.wasm.config.v0+json', ['application/wasm', 'application/wasm']), 'IMAGE_MANIFEST_INVALID', /this has 2/],
    ['a CNCF artifact of something else', find('application/vnd.wasm.config.v0+json', ['text/plain']), 'IMAGE_NO_WASM', /text\/plain/],
    ['a Spin application of several components', find(ociConfig, [component, component, spin], { architecture: 'wasm' }), 'IMAGE_MANIFEST_INVALID', /Spin application of 2 components/],
    ['two Wasm layers', find(ociConfig, ['application/wasm', 'application/wasm'], { architecture: 'wasm' }), 'IMAGE_MANIFEST_INVALID', /2 Wasm layers/],
    ['another start function', find(ociConfig, [tarGzip], { architecture: 'wasm', config: { Entrypoint: ['/a.wasm#run'] } }), 'IMAGE_MANIFEST_INVALID', /function run/],
    ['layers of an unknown type', find(ociConfig, ['application/vnd.x'], { architecture: 'wasm' }), 'IMAGE_MANIFEST_INVALID', /application\/vnd\.x/],
  ];
  for (const [what, found, code, cause] of refused) {
    it(`is not in ${what}`, () => {
      assert.ok(found.kind === 'refused', JSON.stringify(found));
      assert.equal(found.code, code);
      assert.match(found.cause, cause);
    });
  }
});
