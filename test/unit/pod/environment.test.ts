import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { WasmletError } from '../../../core/api/errors.ts';
import type { Container, Service } from '../../../core/api/kubernetes.ts';
import { containerArgv } from '../../../core/pod/environment/container-argv.ts';
import { containerEnvironment, type EnvironmentSources } from '../../../core/pod/environment/container-environment.ts';
import { expandVariables } from '../../../core/pod/environment/expand-variables.ts';
import { serviceEnvironment } from '../../../core/pod/environment/service-environment.ts';
import { testPod } from './support.ts';

const addresses = { hostIPs: ['10.0.0.1', 'fd00::1'], podIPs: ['10.0.0.1', 'fd00::1'] };
const nothing: EnvironmentSources = { configMaps: new Map(), secrets: new Map(), services: new Map(), image: [] };
const pod = testPod('p', { serviceAccountName: 'robot' }, { labels: { app: 'demo' }, annotations: { "it's": 'quoted' } });

function environment(env: Container['env'], sources: Partial<EnvironmentSources> = {}): Record<string, string> {
  return Object.fromEntries(containerEnvironment(pod, { name: 'main', ...(env && { env }) }, { ...nothing, ...sources }, addresses));
}

describe('$(VAR)', () => {
  const known = new Map([['A', 'one'], ['B', '$(A)']]);
  const table: readonly (readonly [string, string])[] = [
    ['$(A)', 'one'], ['x$(A)y', 'xoney'], ['$(A)$(A)', 'oneone'], ['$(missing)', '$(missing)'], ['$$(A)', '$(A)'], ['$$$(A)', '$one'], ['$', '$'], ['$A', '$A'],
    ['$(', '$('], ['$(A', '$(A'], ['$()', '$()'], ['$(B)', '$(A)'], ['100%', '100%'],
  ];
  for (const [text, expected] of table) test(`${text} gives ${expected}`, () => assert.equal(expandVariables(text, known), expected));

  test('text without a dollar sign is never touched', () => {
    fc.assert(fc.property(fc.string().filter((text) => !text.includes('$')), (text) => assert.equal(expandVariables(text, known), text)));
  });
  test('doubling every dollar sign protects any text', () => {
    fc.assert(fc.property(fc.string(), (text) => assert.equal(expandVariables(text.replaceAll('$', '$$$$'), known), text)));
  });
});

describe('a container’s variables', () => {
  test('see those before them, and the services', () => {
    const services = new Map([['DB_HOST', '10.1.1.1']]);
    const env = [{ name: 'A', value: '1' }, { name: 'B', value: '$(A)-$(DB_HOST)-$(C)' }, { name: 'C', value: '3' }];
    assert.deepEqual(environment(env, { services }), { A: '1', B: '1-10.1.1.1-$(C)', C: '3', DB_HOST: '10.1.1.1' });
  });

  test('win over services, which win over the image', () => {
    const sources = { services: new Map([['A', 'service'], ['B', 'service']]), image: [['A', 'image'], ['B', 'image'], ['C', 'image']] as const };
    assert.deepEqual(environment([{ name: 'A', value: 'own' }], sources), { A: 'own', B: 'service', C: 'image' });
  });

  test('come from fields of the pod', () => {
    const paths = ['metadata.name', 'metadata.namespace', 'metadata.uid', "metadata.labels['app']", "metadata.annotations['it's']", "metadata.labels['none']",
      'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'];
    const env = paths.map((fieldPath, index) => ({ name: `V${index}`, valueFrom: { fieldRef: { fieldPath } } }));
    assert.deepEqual(Object.values(environment(env)), ['p', 'default', 'uid-p', 'demo', 'quoted', '', 'node-1', 'robot', '10.0.0.1', '10.0.0.1,fd00::1', '10.0.0.1', '10.0.0.1,fd00::1']);
  });

  const configMaps = new Map([['words', { data: { greeting: 'hello' } }], ['absent', undefined]]);
  const secrets = new Map([['keys', { data: { door: btoa('sesame'), binary: btoa('\xff\xfe') } }], ['absent', undefined]]);
  const from = (kind: 'configMapKeyRef' | 'secretKeyRef', name: string, key: string, optional?: boolean) => [{ name: 'V', valueFrom: { [kind]: { name, key, ...(optional !== undefined && { optional }) } } }];
  test('come from a configMap', () => assert.deepEqual(environment(from('configMapKeyRef', 'words', 'greeting'), { configMaps }), { V: 'hello' }));
  test('come from a secret', () => assert.deepEqual(environment(from('secretKeyRef', 'keys', 'door'), { secrets }), { V: 'sesame' }));
  test('come from a secret that is no text', () => assert.equal(environment(from('secretKeyRef', 'keys', 'binary'), { secrets })['V'], '\ufffd\ufffd'));
  test('are left out when an optional source lacks them', () => {
    assert.deepEqual(environment(from('configMapKeyRef', 'words', 'nothing', true), { configMaps }), {});
    assert.deepEqual(environment(from('secretKeyRef', 'absent', 'door', true), { secrets }), {});
  });

  const failures: readonly (readonly [string, Container['env'], string, string])[] = [
    ['a missing configMap', from('configMapKeyRef', 'absent', 'x'), 'CONFIG_MAP_NOT_FOUND', 'configmap "absent" not found'],
    ['a missing key of a configMap', from('configMapKeyRef', 'words', 'constructor'), 'CONFIG_MAP_KEY_NOT_FOUND', "couldn't find key constructor in ConfigMap default/words"],
    ['a missing secret', from('secretKeyRef', 'absent', 'x'), 'SECRET_NOT_FOUND', 'secret "absent" not found'],
    ['a missing key of a secret', from('secretKeyRef', 'keys', 'x'), 'SECRET_KEY_NOT_FOUND', "couldn't find key x in Secret default/keys"],
    ['a field that cannot be one', [{ name: 'V', valueFrom: { fieldRef: { fieldPath: 'spec.containers' } } }], 'FIELD_INVALID', 'field path "spec.containers" cannot be an environment variable'],
  ];
  for (const [what, env, code, message] of failures) {
    test(`name ${what}`, () => assert.throws(() => environment(env, { configMaps, secrets }), (error) => error instanceof WasmletError && error.code === code && error.message === message));
  }
});

describe('service variables', () => {
  const service = (namespace: string, name: string, spec: Service['spec'] & object): Service => ({ metadata: { namespace, name }, spec });
  const kubernetes = service('default', 'kubernetes', { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] });
  const web = service('default', 'my-web', { clusterIP: '10.96.0.7', ports: [{ name: 'http', port: 80 }, { name: 'dns', port: 53, protocol: 'UDP' }] });
  const others = [
    service('other', 'far', { clusterIP: '10.96.0.8', ports: [{ port: 1 }] }),
    service('default', 'headless', { clusterIP: 'None', ports: [{ port: 1 }] }),
    service('default', 'outside', { type: 'ExternalName', clusterIP: '1.1.1.1', ports: [{ port: 1 }] }),
  ];

  test('tell host, port and every protocol', () => {
    assert.deepEqual(Object.fromEntries(serviceEnvironment(pod, [web, ...others])), {
      MY_WEB_SERVICE_HOST: '10.96.0.7', MY_WEB_SERVICE_PORT: '80', MY_WEB_SERVICE_PORT_HTTP: '80', MY_WEB_SERVICE_PORT_DNS: '53',
      MY_WEB_PORT: 'tcp://10.96.0.7:80', MY_WEB_PORT_80_TCP: 'tcp://10.96.0.7:80', MY_WEB_PORT_80_TCP_PROTO: 'tcp', MY_WEB_PORT_80_TCP_PORT: '80', MY_WEB_PORT_80_TCP_ADDR: '10.96.0.7',
      MY_WEB_PORT_53_UDP: 'udp://10.96.0.7:53', MY_WEB_PORT_53_UDP_PROTO: 'udp', MY_WEB_PORT_53_UDP_PORT: '53', MY_WEB_PORT_53_UDP_ADDR: '10.96.0.7',
    });
  });
  test('of the API server are there even without links', () => {
    const unlinked = testPod('p', { enableServiceLinks: false }, { namespace: 'elsewhere' });
    assert.equal(serviceEnvironment(unlinked, [kubernetes, web]).get('KUBERNETES_SERVICE_HOST'), '10.96.0.1');
    assert.equal(serviceEnvironment(unlinked, [kubernetes, web]).get('MY_WEB_SERVICE_HOST'), undefined);
  });
});

describe('argv', () => {
  const image = { artifactName: 'hello.wasm', config: { entrypoint: ['/entry'], cmd: ['from-cmd'] } };
  const bare = { artifactName: 'hello.wasm', config: {} };
  const argv = (container: Partial<Container>, from: typeof image | typeof bare = image, annotations = {}) =>
    containerArgv({ ...pod, metadata: { ...pod.metadata, annotations } }, { name: 'main', ...container }, from, new Map([['WHO', 'you']]));
  test('is the artifact’s name when nobody says anything', () => assert.deepEqual(argv({}, bare), ['hello.wasm']));
  test('is Entrypoint and Cmd of the image', () => assert.deepEqual(argv({}), ['/entry', 'from-cmd']));
  test('takes args in place of Cmd', () => assert.deepEqual(argv({ args: ['hi', '$(WHO)'] }), ['/entry', 'hi', 'you']));
  test('drops Cmd with a command of the pod’s own', () => assert.deepEqual(argv({ command: ['run'] }), ['run']));
  test('has no program name in Krustlet’s way', () => assert.deepEqual(argv({ args: ['arg1', 'arg2'] }, bare, { 'wasmlet.dev/argv': 'krustlet' }), ['arg1', 'arg2']));
});
