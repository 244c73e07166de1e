import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadConfiguration, parseBytes, parseDuration } from '../../../core/config/load-configuration.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-config-'));
});
after(() => rm(directory, { recursive: true, force: true }));

const machine = { hostname: 'Edge-7', isRoot: false };

async function load(yaml: string, flags: Record<string, string | boolean> = {}, environment: Record<string, string> = {}) {
  const file = path.join(directory, 'config.yaml');
  await writeFile(file, `apiVersion: wasmlet.dev/v1alpha1\nkind: NodeConfiguration\n${yaml}`);
  return loadConfiguration({ flags: { config: file, ...flags }, environment: { HOME: '/home/x', ...environment }, ...machine });
}

const refuses = (promise: Promise<unknown>, message: RegExp) => assert.rejects(promise, { code: 'CONFIG_INVALID', message });

describe('loadConfiguration', () => {
  it('takes the node name from the hostname, in lower case', async () => {
    assert.equal((await load('')).nodeName, 'edge-7');
  });
  it('lets flags win over the environment and the environment over the file', async () => {
    assert.equal((await load('port: 1')).port, 1);
    assert.equal((await load('port: 1', {}, { WASMLET_PORT: '2' })).port, 2);
    assert.equal((await load('port: 1', { port: '3' }, { WASMLET_PORT: '2' })).port, 3);
  });
  it("accepts Krustlet's environment, after its own", async () => {
    assert.equal((await load('', {}, { KRUSTLET_NODE_NAME: 'k' })).nodeName, 'k');
    assert.equal((await load('', {}, { KRUSTLET_NODE_NAME: 'k', WASMLET_NODE_NAME: 'w' })).nodeName, 'w');
    assert.deepEqual((await load('', {}, { NODE_LABELS: 'a=1,b' })).nodeLabels, { a: '1', b: '' });
    assert.deepEqual((await load('', {}, { KRUSTLET_INSECURE_REGISTRIES: 'a:5000' })).registries, [{ prefix: 'a:5000', plainHTTP: true }]);
  });
  it('names the path of an unknown field and of a wrong value', async () => {
    await refuses(load('prot: 1'), /prot: unknown field/);
    await refuses(load('runtimes: {odrer: []}'), /runtimes\.odrer: unknown field/);
    await refuses(load('maxPods: many'), /maxPods: must be integer/);
    await refuses(load('shutdownGracePeriod: soon'), /shutdownGracePeriod/);
  });
  it('says that a named file is missing, and goes without the default one', async () => {
    await refuses(loadConfiguration({ flags: { config: '/nowhere.yaml' }, environment: { HOME: '/h' }, ...machine }), /nowhere\.yaml/);
  });
  it('refuses a file that is not YAML', () => refuses(load('a: [}'), /not YAML/));
  it('resolves paths in the file against the file', async () => {
    const { registries, staticPodPath } = await load('staticPodPath: pods\nregistries: [{prefix: a, mirror: "oci-layout:images"}]');
    assert.equal(staticPodPath, path.join(directory, 'pods'));
    assert.deepEqual(registries, [{ prefix: 'a', mirror: `oci-layout:${path.join(directory, 'images')}` }]);
  });
  it('allows the weaker runtimes only where no cluster can name them', async () => {
    assert.deepEqual((await load('')).runtimes.allowed, ['wasi', 'jco']);
    assert.deepEqual((await load('', { standalone: true, staticPodPath: '/pods' })).runtimes.allowed, ['*']);
  });
  it('calls fields that do not go together wrong usage where one is a flag, and else wrong configuration', async () => {
    const combinations = [
      [{ standalone: true }, /--manifests/],
      [{ standalone: true, staticPodPath: '/p', kubeconfig: '/k' }, /--standalone and --kubeconfig exclude each other/],
      [{ standalone: true, staticPodPath: '/p', bootstrapKubeconfig: '/k' }, /--standalone and --bootstrap-kubeconfig exclude each other/],
      [{ tlsCertFile: '/c' }, /--tls-cert-file and --tls-private-key-file need each other/],
    ] as const;
    for (const [flags, message] of combinations) await assert.rejects(load('', flags), { code: 'USAGE', message });
    await assert.rejects(load('', { kubeconfig: '/k' }, { WASMLET_STANDALONE: 'true' }), { code: 'USAGE' });
    await refuses(load('', {}, { WASMLET_STANDALONE: 'true' }), /--manifests/);
    await refuses(load('', {}, { WASMLET_TLS_CERT_FILE: '/c' }), /need each other/);
  });
  it('calls a bad value of a flag wrong usage, and one from elsewhere wrong configuration', async () => {
    for (const [field, value] of Object.entries({ registerWithTaints: 'a=b', maxPods: 'many', port: '70000', logLevel: 'loud' })) {
      await assert.rejects(load('', { [field]: value }), { code: 'USAGE' }, field);
    }
    await refuses(load('', {}, { WASMLET_LOG_LEVEL: 'loud' }), /WASMLET_LOG_LEVEL.*none of debug/);
  });
  it('refuses a bad taint and a bad number by the name they came under', async () => {
    await assert.rejects(load('', { registerWithTaints: 'a=b' }), /--register-with-taints.*key\[=value\]:effect/);
    await refuses(load('', {}, { WASMLET_PORT: 'x' }), /WASMLET_PORT.*whole number/);
  });
  it('reads taints', async () => {
    assert.deepEqual((await load('', { registerWithTaints: 'a=b:NoSchedule,c:NoExecute' })).registerWithTaints, [{ key: 'a', value: 'b', effect: 'NoSchedule' }, { key: 'c', effect: 'NoExecute' }]);
  });
});

describe('quantities', () => {
  it('reads durations as Go writes them', () => {
    assert.equal(parseDuration('1m30s', 'f'), 90_000);
    assert.equal(parseDuration('250ms', 'f'), 250);
    assert.throws(() => parseDuration('10', 'f'), { message: /f: "10"/ });
  });
  it('reads sizes', () => {
    assert.equal(parseBytes('64Mi', 'f'), 64 * 2 ** 20);
    assert.equal(parseBytes('1.5G', 'f'), 1.5e9);
    assert.throws(() => parseBytes('0', 'f'));
    assert.throws(() => parseBytes('1Q', 'f'));
  });
});
