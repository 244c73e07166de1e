import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { WasmletError } from '../../../core/api/errors.ts';
import type { ArtifactInspection } from '../../../core/api/artifact.ts';
import { containerHash } from '../../../core/pod/actions/container-hash.ts';
import { explainRefusal } from '../../../core/pod/accept-artifact.ts';
import { selectRuntime, type RuntimeRequest } from '../../../core/pod/select-runtime.ts';
import { versionMatches } from '../../../core/pod/version-range.ts';
import { cliComponent, wasiModule } from '../../support/kubelet/fake-images.ts';
import { runtimes } from '../../support/kubelet/kubelet-rig.ts';
import { testPod } from './support.ts';

const container = { name: 'main', image: 'i' };

function request(annotations: Record<string, string>, more: Partial<RuntimeRequest> = {}): RuntimeRequest {
  return {
    pod: testPod('p', {}, { annotations }),
    container,
    inspection: wasiModule,
    registry: { get: (name) => runtimes.find(({ manifest }) => manifest.name === name), list: () => runtimes },
    handlers: { wasmlet: {}, 'wasmlet-wasmer': { runtime: 'wasmer' }, 'wasmlet-shared': { isolation: 'shared' } },
    ...more,
  };
}

const onlyShared: RuntimeRequest['registry'] = {
  get: () => undefined,
  list: () => runtimes.filter(({ manifest }) => manifest.name === 'wasi').map((runtime) => ({ ...runtime, manifest: { ...runtime.manifest, isolation: ['shared'] } })),
};

describe('selectRuntime', () => {
  const choices: readonly (readonly [string, RuntimeRequest, string])[] = [
    ['takes the first in order that accepts a module', request({}), 'wasi dedicated'],
    ['takes the first in order that accepts a component', request({}, { inspection: cliComponent }), 'jco dedicated'],
    ['takes the pod’s annotation', request({ 'wasmlet.dev/runtime': 'wasmer' }), 'wasmer dedicated'],
    ['takes the container’s annotation before the pod’s', request({ 'wasmlet.dev/runtime': 'jco', 'runtime.wasmlet.dev/main': 'wasmer' }), 'wasmer dedicated'],
    ['ignores the annotation of another container', request({ 'runtime.wasmlet.dev/other': 'jco' }), 'wasi dedicated'],
    ['takes the RuntimeClass handler’s runtime', request({}, { handler: 'wasmlet-wasmer' }), 'wasmer dedicated'],
    ['takes an annotation before the handler', request({ 'wasmlet.dev/runtime': 'wasi' }, { handler: 'wasmlet-wasmer' }), 'wasi dedicated'],
    ['takes any runtime with a handler that names none', request({}, { handler: 'wasmlet' }), 'wasi dedicated'],
    ['takes isolation from the annotation', request({ 'wasmlet.dev/isolation': 'shared' }), 'wasi shared'],
    ['takes isolation from the handler', request({}, { handler: 'wasmlet-shared' }), 'wasi shared'],
    ['takes the annotation’s isolation before the handler’s', request({ 'wasmlet.dev/isolation': 'dedicated' }, { handler: 'wasmlet-shared' }), 'wasi dedicated'],
  ];
  for (const [sentence, given, expected] of choices) {
    test(sentence, () => {
      const { runtime, isolation } = selectRuntime(given);
      assert.equal(`${runtime.manifest.name} ${isolation}`, expected);
    });
  }

  const notShared: readonly (readonly [string, RuntimeRequest, RegExp])[] = [
    ['the runtime does not offer it', request({ 'wasmlet.dev/runtime': 'wasmer', 'wasmlet.dev/isolation': 'shared' }), /runtime wasmer does not offer it/],
    ['the module cannot share one', request({}, { handler: 'wasmlet-shared', inspection: { ...wasiModule, notShareable: 'it has several memories' } }), /it has several memories/],
  ];
  for (const [why, given, message] of notShared) {
    test(`gives a thread of its own, and says why, when ${why}`, () => {
      const choice = selectRuntime(given);
      assert.equal(choice.isolation, 'dedicated');
      assert.match(choice.notShared ?? '', message);
    });
  }

  const foreign: ArtifactInspection = { ...wasiModule, imports: [{ module: 'env', name: 'missing', kind: 'func' }] };
  const refusals: readonly (readonly [string, RuntimeRequest, string, RegExp])[] = [
    ['a runtime that is not there', request({ 'wasmlet.dev/runtime': 'nonesuch' }), 'RUNTIME_UNKNOWN', /"nonesuch" \(annotation wasmlet.dev\/runtime\).*runtimes: wasi/],
    ['an inactive one', request({ 'wasmlet.dev/runtime': 'asleep' }), 'RUNTIME_INACTIVE', /off for this test/],
    ['one that is not allowed', request({ 'wasmlet.dev/runtime': 'forbidden' }), 'RUNTIME_NOT_ALLOWED', /allowed: wasi/],
    ['one that does not accept the artifact, and names one that does', request({ 'wasmlet.dev/runtime': 'jco' }), 'RUNTIME_NOT_ACCEPTING', /takes no modules; runtime "wasi" does$/],
    ['an artifact that none accepts, with every reason', request({}, { inspection: foreign }), 'RUNTIME_NOT_ACCEPTING', /wasi: it does not provide env.missing; wasmer: it does not provide env.missing/],
    ['an unknown handler', request({}, { handler: 'runc' }), 'RUNTIME_HANDLER_UNKNOWN', /handlers: wasmlet, /],
    ['a handler that is a name of Object’s own', request({}, { handler: 'constructor' }), 'RUNTIME_HANDLER_UNKNOWN', /constructor/],
    ['an isolation that is none', request({ 'wasmlet.dev/isolation': 'vm' }), 'FIELD_INVALID', /"dedicated" or "shared"/],
    ['a thread of its own where the runtime offers only shared ones', request({ 'wasmlet.dev/isolation': 'dedicated' }, { registry: onlyShared }), 'ISOLATION_UNSUPPORTED', /offers: shared/],
  ];
  for (const [what, given, code, message] of refusals) {
    test(`refuses ${what}`, () => assert.throws(() => selectRuntime(given), (error) => error instanceof WasmletError && error.code === code && message.test(error.message)));
  }

  test('never falls through from a named runtime, whatever the name', () => {
    fc.assert(fc.property(fc.string(), (name) => {
      try {
        assert.equal(selectRuntime(request({ 'wasmlet.dev/runtime': name })).runtime.manifest.name, name);
      } catch (error) {
        assert.ok(error instanceof WasmletError, String(error));
      }
    }));
  });
});

describe('acceptance', () => {
  const modules = { accepts: [{ kind: 'module', imports: ['wasi_snapshot_preview1'], except: ['wasi_snapshot_preview1.sock_accept'] }] } as const;
  const importing = (...names: readonly string[]): ArtifactInspection => ({ ...wasiModule, imports: names.map((name) => ({ module: 'wasi_snapshot_preview1', name, kind: 'func' })) });
  test('takes what is provided', () => assert.equal(explainRefusal(modules, importing('fd_write')), undefined));
  test('names what is excepted', () => assert.match(explainRefusal(modules, importing('sock_accept')) ?? '', /does not provide wasi_snapshot_preview1.sock_accept/));
  test('takes a module without imports unless told otherwise', () => {
    assert.equal(explainRefusal(modules, importing()), undefined);
    assert.match(explainRefusal({ accepts: [{ kind: 'module', imports: [], importless: false }] }, importing()) ?? '', /imports nothing/);
  });
  test('shortens a long list', () => {
    const many = Array.from({ length: 9 }, (_, index) => ({ module: 'env', name: `f${index}`, kind: 'func' as const }));
    assert.match(explainRefusal(modules, { ...wasiModule, imports: many }) ?? '', /env\.f4 and 4 more$/);
  });
  test('matches a component’s world by range', () => {
    const worlds = (range: string) => explainRefusal({ accepts: [{ kind: 'component', worlds: [range] }] }, cliComponent);
    assert.equal(worlds('wasi:cli/command@^0.2.0'), undefined);
    assert.match(worlds('wasi:cli/command@^0.3.0') ?? '', /world is wasi:cli\/command@0.2.6/);
    assert.match(worlds('wasi:http/proxy@^0.2.0') ?? '', /takes wasi:http\/proxy/);
  });
});

describe('a version range', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['^0.2.0', '0.2.6', true], ['^0.2.3', '0.2.2', false], ['^0.2.0', '0.3.0', false], ['^1.2.0', '1.9.0', true], ['^1.2.0', '2.0.0', false], ['~1.2.0', '1.2.9', true],
    ['~1.2.0', '1.3.0', false], ['0.2.6', '0.2.6', true], ['0.2.6', '0.2.7', false], ['*', '9.9.9', true], ['^0.2.0 || ^0.3.0', '0.3.1', true], ['^0.0.1', '0.0.2', false],
    ['^0.3.0', '0.3.0-rc-2025-01-01', false], ['0.3.0-rc-2025-01-01', '0.3.0-rc-2025-01-01', true], ['nonsense', '1.0.0', false], ['^1.0.0', 'nonsense', false],
  ];
  for (const [range, version, expected] of table) test(`${range} ${expected ? 'takes' : 'leaves'} ${version}`, () => assert.equal(versionMatches(range, version), expected));
});

describe('a container’s hash', () => {
  const hash = (annotations: Record<string, string>, image = 'i') => containerHash(testPod('p', {}, { annotations }), { name: 'main', image });
  test('is 16 hex digits and stays the same', () => {
    assert.match(hash({}), /^[0-9a-f]{16}$/);
    assert.equal(hash({}), hash({ unrelated: 'x', 'runtime.wasmlet.dev/other': 'jco' }));
  });
  test('follows image, runtime and isolation', () => {
    const hashes = [hash({}), hash({}, 'j'), hash({ 'wasmlet.dev/runtime': 'jco' }), hash({ 'wasmlet.dev/isolation': 'shared' })];
    assert.equal(new Set(hashes).size, 4);
    assert.equal(hash({ 'runtime.wasmlet.dev/main': 'jco' }), hash({ 'wasmlet.dev/runtime': 'jco' }));
  });
});
