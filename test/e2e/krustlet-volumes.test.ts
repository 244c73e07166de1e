/** Krustlet's end-to-end cases in Kubernetes' words: what is mounted. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { NodeBed } from './node-bed.ts';
import { reasonToSkip } from './cluster.ts';

/** Commands that hold when the file has that content. */
const fileIs = (file: string, content: string): readonly string[] => [`read(file:${file})to(var:${file})`, `assert_value(var:${file})is(lit:${content})`];

describe("Krustlet's cases: volumes", { skip: await reasonToSkip('controllers', 'registry'), timeout: 300_000 }, () => {
  let bed: NodeBed;
  before(async () => {
    bed = await NodeBed.open({ name: 'krustlet-volumes' });
    await bed.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'multi-config' }, data: { mcm1: 'value1', mcm2: 'value two', mcm5: 'value five' } });
    await bed.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'multi-secret' }, stringData: { ms1: 'tell nobody', ms2: 'but this is a secret', ms3: 'was it?' } });
  });
  after(() => bed?.close());

  it('mounts a secret, a configMap and a directory of the host', async () => {
    const host = path.join(bed.directory, 'host');
    mkdirSync(host);
    writeFileSync(path.join(host, 'in.txt'), 'from the host');
    await bed.createPod('mounts', { spec: {
      volumes: [
        { name: 'storage', hostPath: { path: host, type: 'Directory' } },
        { name: 'secret-test', secret: { secretName: 'multi-secret' } },
        { name: 'configmap-test', configMap: { name: 'multi-config' } },
      ],
      containers: [{
        name: 'main',
        volumeMounts: [{ name: 'storage', mountPath: '/mnt/storage' }, { name: 'secret-test', mountPath: '/mnt/secret' }, { name: 'configmap-test', mountPath: '/mnt/config' }],
        args: [...fileIs('/mnt/secret/ms1', 'tell nobody'), ...fileIs('/mnt/config/mcm1', 'value1'), ...fileIs('/mnt/storage/in.txt', 'from the host'), 'write(lit:from the guest)to(file:/mnt/storage/out.txt)', 'write(file:/mnt/secret/ms1)to(stm:stdout)'],
      }],
    } });
    await bed.ended('mounts');
    assert.match(await bed.logs('mounts'), /tell nobody/);
    assert.equal(readFileSync(path.join(host, 'out.txt'), 'utf8'), 'from the guest');
  });

  it('mounts all keys of a configMap and a secret', async () => {
    await bed.createPod('multi', { spec: {
      volumes: [{ name: 'secret', secret: { secretName: 'multi-secret' } }, { name: 'config', configMap: { name: 'multi-config' } }],
      containers: [{
        name: 'main',
        volumeMounts: [{ name: 'secret', mountPath: '/s' }, { name: 'config', mountPath: '/c' }],
        args: [...fileIs('/c/mcm1', 'value1'), ...fileIs('/c/mcm2', 'value two'), ...fileIs('/c/mcm5', 'value five'), ...fileIs('/s/ms1', 'tell nobody'), ...fileIs('/s/ms2', 'but this is a secret'), ...fileIs('/s/ms3', 'was it?')],
      }],
    } });
    await bed.ended('multi');
  });

  it('mounts the keys that items names, under its names, and no others', async () => {
    await bed.createPod('items', { spec: {
      volumes: [
        { name: 'secret', secret: { secretName: 'multi-secret', items: [{ key: 'ms1', path: 'ms1' }, { key: 'ms3', path: 'deep/ms-three' }] } },
        { name: 'config', configMap: { name: 'multi-config', items: [{ key: 'mcm2', path: 'mcm2' }, { key: 'mcm5', path: 'mcm-five' }] } },
      ],
      containers: [{
        name: 'main',
        volumeMounts: [{ name: 'secret', mountPath: '/s' }, { name: 'config', mountPath: '/c' }],
        args: [
          ...fileIs('/c/mcm2', 'value two'), ...fileIs('/c/mcm-five', 'value five'), 'assert_not_exists(file:/c/mcm1)', 'assert_not_exists(file:/c/mcm5)',
          ...fileIs('/s/ms1', 'tell nobody'), ...fileIs('/s/deep/ms-three', 'was it?'), 'assert_not_exists(file:/s/ms2)', 'assert_not_exists(file:/s/ms3)',
        ],
      }],
    } });
    await bed.ended('items');
  });

  it('mounts one volume from several sources, a token among them', async () => {
    await bed.createPod('projected', { spec: {
      volumes: [{ name: 'all', projected: { sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
        { configMap: { name: 'multi-config', items: [{ key: 'mcm1', path: 'config' }] } },
        { secret: { name: 'multi-secret', items: [{ key: 'ms1', path: 'secret' }] } },
        { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      ] } }],
      containers: [{ name: 'main', volumeMounts: [{ name: 'all', mountPath: '/p' }], args: ['assert_exists(file:/p/token)', ...fileIs('/p/config', 'value1'), ...fileIs('/p/secret', 'tell nobody'), ...fileIs('/p/name', 'projected')] }],
    } });
    await bed.ended('projected');
  });

  it("gives a default pod its service account's token and the services' variables", async () => {
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    await bed.createPod('default-pod', { spec: { containers: [{ name: 'main', args: [`assert_exists(file:${account}/token)`, `assert_exists(file:${account}/ca.crt)`, ...fileIs(`${account}/namespace`, bed.namespace), 'assert_exists(env:KUBERNETES_SERVICE_HOST)', 'assert_exists(env:KUBERNETES_SERVICE_PORT)', `write(file:${account}/token)to(stm:stderr)`] }] } });
    await bed.ended('default-pod');
    const token = (await bed.logs('default-pod')).split('\n').find((line) => line.startsWith('ey'))!;
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { sub: string; 'kubernetes.io': { pod: { name: string } } };
    assert.equal(claims.sub, `system:serviceaccount:${bed.namespace}:default`);
    assert.equal(claims['kubernetes.io'].pod.name, 'default-pod');
  });

  it("shows a configMap's update in a running pod's volume, and refuses writes to it", async () => {
    await bed.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'live' }, data: { text: 'first' } });
    const host = path.join(bed.directory, 'live');
    mkdirSync(host);
    await bed.createPod('live', { spec: {
      volumes: [{ name: 'config', configMap: { name: 'live' } }, { name: 'host', hostPath: { path: host } }],
      containers: [{ name: 'main', volumeMounts: [{ name: 'config', mountPath: '/c' }, { name: 'host', mountPath: '/h' }], args: [...fileIs('/c/text', 'first'), 'write(lit:x)to(file:/h/begun)', 'await(file:/c/text)is(lit:second)', 'write(lit:x)to(file:/c/text)'] }],
    } });
    await bed.podThat('live', 'has read the first text', () => existsSync(path.join(host, 'begun')));
    await bed.kubectl(['patch', 'configmap', 'live', '--type=merge', '-p', '{"data":{"text":"second"}}']);
    // A volume is renewed with the pod's next periodic sync at the latest: 90 s.
    const { status } = await bed.podThat('live', 'has ended', ({ status }) => status?.phase === 'Failed' || status?.phase === 'Succeeded', 150);
    assert.equal(status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 1);
    assert.match(await bed.logs('live'), /ERR: Failed with File \/c\/text could not be written/);
  });

  it('mounts a persistent volume of a CSI driver', { skip: 'persistentVolumeClaim and CSI are not there yet' }, () => {});
});
