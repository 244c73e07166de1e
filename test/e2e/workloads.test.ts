/** Controllers, kubectl and a node in daily life. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { Event, Node, Pod } from '../../core/api/kubernetes.ts';
import { eventually, wasmlet } from '../support/wasmlet-process.ts';
import { NodeBed } from './node-bed.ts';
import { reasonToSkip } from './cluster.ts';

interface List<T> {
  readonly items: readonly T[];
}

describe('workloads', { skip: await reasonToSkip('controllers', 'registry'), timeout: 420_000 }, () => {
  let bed: NodeBed;
  const sleeper = { name: 'main', args: ['write(lit:awake\n)to(stm:stdout)', 'sleep(ms:3600000)'] };
  const status = (pod: Pod) => pod.status?.containerStatuses?.[0];
  const deployment = (name: string, replicas: number) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { ...bed.spec({ restartPolicy: 'Always', containers: [sleeper], terminationGracePeriodSeconds: 2 }) } } },
  });

  before(async () => void (bed = await NodeBed.open({ name: 'workloads', configuration: { runtimes: { allowed: ['wasi', 'jco', 'wasmer'] }, shutdownGracePeriod: '5s' } })));
  after(() => bed?.close());

  it('makes a Deployment available, and scales it', async () => {
    await bed.create(deployment('scaled', 2));
    await bed.kubectl(['rollout', 'status', 'deployment/scaled', '--timeout=50s']);
    await bed.kubectl(['wait', '--for=condition=Available', 'deployment/scaled', '--timeout=20s']);
    await bed.kubectl(['scale', 'deployment/scaled', '--replicas=4']);
    await bed.kubectl(['rollout', 'status', 'deployment/scaled', '--timeout=50s']);
    assert.equal((await bed.get<List<Pod>>('pods', '-l', 'app=scaled')).items.filter((pod) => status(pod)?.ready).length, 4);
    await bed.kubectl(['scale', 'deployment/scaled', '--replicas=1']);
    await eventually('three pods are gone', async () => (await bed.get<List<Pod>>('pods', '-l', 'app=scaled')).items.length === 1, 50);
    await bed.kubectl(['delete', 'deployment', 'scaled', '--cascade=foreground', '--timeout=50s']);
  });

  it('completes a Job', async () => {
    await bed.create({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'job' }, spec: { completions: 3, parallelism: 2, template: { spec: bed.spec({ containers: [{ name: 'main', args: ['sleep(ms:200)'] }] }) } } });
    await bed.kubectl(['wait', '--for=condition=Complete', 'job/job', '--timeout=55s']);
    assert.equal(await bed.kubectl(['get', 'job', 'job', '-o', 'jsonpath={.status.succeeded}']), '3');
  });

  it('shows logs from the end, with times, and follows them until the container ends', async () => {
    await bed.createPod('talker', { spec: { containers: [
      { name: 'main', args: ['write(lit:one\n)to(stm:stdout)', 'write(lit:two\n)to(stm:stderr)', 'sleep(ms:3000)', 'write(lit:three\n)to(stm:stdout)'] },
      { name: 'other', args: ['write(lit:aside\n)to(stm:stdout)'] },
    ] } });
    await bed.podThat('talker', 'runs', (pod) => pod.status?.containerStatuses?.find(({ name }) => name === 'main')?.state?.running !== undefined);
    const follow = bed.cluster.spawnKubectl(['-n', bed.namespace, 'logs', '-f', 'talker', '-c', 'main']);
    const [followed, [code]] = await Promise.all([text(follow.stdout), once(follow, 'exit')]);
    assert.equal(code, 0);
    const all = ["INF: Let's wasmercise!", 'one', 'two', 'three', "INF: That's enough wasmercising for now; see you next test!", ''];
    assert.deepEqual(followed.split('\n'), all);
    await bed.ended('talker');
    assert.equal(await bed.logs('talker', '-c', 'main', '--tail=2'), all.slice(-3).join('\n'));
    for (const line of (await bed.logs('talker', '-c', 'main', '--timestamps')).trimEnd().split('\n')) assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) /);
    assert.match(await bed.logs('talker', '-c', 'other'), /^aside$/m);
  });

  it("keeps the last attempt's log in CrashLoopBackOff, and the one before", async () => {
    const host = [{ name: 'host', hostPath: { path: bed.directory } }];
    await bed.createPod('crashing', { spec: { restartPolicy: 'Always', volumes: host, containers: [{ name: 'main', volumeMounts: [{ name: 'host', mountPath: '/h' }], args: ['append(lit:x)to(file:/h/attempts)', 'write(file:/h/attempts)to(stm:stdout)', 'exit(code:3)'] }] } });
    const pod = await bed.podThat('crashing', 'waits in CrashLoopBackOff after a restart', (pod) => (status(pod)?.restartCount ?? 0) >= 1 && status(pod)?.state?.waiting?.reason === 'CrashLoopBackOff');
    const { restartCount, lastState } = status(pod)!;
    assert.equal(pod.status?.phase, 'Running');
    assert.equal(lastState?.terminated?.exitCode, 3);
    const last = await bed.logs('crashing');
    assert.match(last, new RegExp(`^${'x'.repeat(restartCount + 1)}$`, 'm'));
    // While it waits, the newest attempt is the previous one too, as in upstream's kubelet.
    assert.equal(await bed.logs('crashing', '--previous'), last);
    const events = await bed.get<List<Event>>('events', '--field-selector=involvedObject.name=crashing,reason=BackOff');
    assert.match(events.items[0]?.message ?? '', /^Back-off restarting failed container main in pod crashing_/);
    await bed.kubectl(['delete', 'pod', 'crashing']);
  });

  it('moves a running container to another runtime by an annotation', async () => {
    await bed.createPod('swapped', { spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 2, containers: [sleeper] } });
    const running = await bed.podThat('swapped', 'runs', (pod) => status(pod)?.state?.running !== undefined);
    const before = status(running)!.restartCount;
    await bed.kubectl(['annotate', 'pod', 'swapped', 'wasmlet.dev/runtime=wasmer']);
    const again = await bed.podThat('swapped', 'runs again', (pod) => status(pod)?.restartCount === before + 1 && status(pod)?.state?.running !== undefined);
    assert.equal(again.metadata.uid, running.metadata.uid);
    assert.match(await bed.kubectl(['describe', 'pod', 'swapped']), /Container main definition changed, will be restarted/);
    assert.match(await bed.logs('swapped'), /^awake$/m);
    const local = await wasmlet(['describe', `${bed.namespace}/swapped`, '--root-dir', bed.node.rootDirectory]);
    assert.equal(local.code, 0, local.stderr);
    assert.match(local.stdout, /runtime:? +wasmer\b/i);
    await bed.kubectl(['delete', 'pod', 'swapped']);
  });

  it('costs a DaemonSet that tolerates everything an ErrImagePull and few events', async () => {
    // A Linux image: a config of linux/amd64 and a layer of a file system.
    const image = await pushLinuxImage(bed);
    await bed.create({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'noise' }, spec: { selector: { matchLabels: { app: 'noise' } }, template: { metadata: { labels: { app: 'noise' } }, spec: { nodeSelector: { 'kubernetes.io/hostname': bed.name }, tolerations: [{ operator: 'Exists' }], containers: [{ name: 'main', image }] } } } });
    const pod = await eventually('its pod cannot be pulled', async () => {
      const [pod] = (await bed.get<List<Pod>>('pods', '-l', 'app=noise')).items;
      return pod && status(pod)?.state?.waiting?.reason === 'ImagePullBackOff' ? pod : undefined;
    }, 60);
    const events = (await bed.get<List<Event>>('events', `--field-selector=involvedObject.name=${pod.metadata.name}`)).items;
    assert.ok(events.some(({ message }) => /linux/.test(message ?? '')), JSON.stringify(events.map(({ message }) => message)));
    assert.ok(events.length <= 8, `${events.length} events`);
    await bed.kubectl(['delete', 'daemonset', 'noise', '--cascade=foreground', '--timeout=50s']);
  });

  it('registers again when its Node object is deleted, still cordoned', async () => {
    await bed.kubectl(['cordon', bed.name]);
    const { uid } = (await bed.get<Node>('node', bed.name)).metadata;
    await bed.kubectl(['delete', 'node', bed.name]);
    const node = await eventually('another Node object', async () => {
      const node = await bed.get<Node>('node', bed.name);
      return node.metadata.uid !== uid ? node : undefined;
    }, 60);
    assert.equal(node.spec?.unschedulable, true);
    await bed.nodeReady();
    await bed.kubectl(['uncordon', bed.name]);
  });

  it('is drained', async () => {
    await bed.create(deployment('drained', 2));
    await bed.kubectl(['rollout', 'status', 'deployment/drained', '--timeout=50s']);
    await bed.kubectl(['drain', bed.name, '--ignore-daemonsets', '--force', '--timeout=50s', `--pod-selector=app=drained`]);
    const left = (await bed.get<List<Pod>>('pods', '-l', 'app=drained')).items;
    assert.deepEqual(left.filter(({ spec }) => spec.nodeName), [], 'nothing of it is on the node');
    await bed.kubectl(['uncordon', bed.name]);
    await bed.kubectl(['rollout', 'status', 'deployment/drained', '--timeout=50s']);
    await bed.kubectl(['delete', 'deployment', 'drained', '--cascade=foreground', '--timeout=50s']);
  });

  it('restarts its pods by their policy after a restart of the node', async () => {
    await bed.createPod('always', { spec: { restartPolicy: 'Always', containers: [sleeper] } });
    await bed.createPod('never', { spec: { restartPolicy: 'Never', containers: [sleeper] } });
    const runs = (pod: Pod) => status(pod)?.state?.running !== undefined;
    const [always] = [await bed.podThat('always', 'runs', runs), await bed.podThat('never', 'runs', runs)];
    const { uid } = always.metadata;
    assert.equal(await bed.node.stop(), 0, bed.node.stderr());
    bed.start();
    const again = await bed.podThat('always', 'runs again', (pod) => runs(pod) && status(pod)!.restartCount === 1);
    assert.equal(again.metadata.uid, uid);
    await bed.ended('never', 'Failed');
    assert.equal(status(await bed.pod('never'))?.restartCount, 0);
    await bed.nodeReady();
    await bed.kubectl(['delete', 'pod', 'always', 'never', '--grace-period=1']);
  });
});

/** Pushes an image of a Linux program by the distribution API. Answers its reference. */
async function pushLinuxImage(bed: NodeBed): Promise<string> {
  const { createHash } = await import('node:crypto');
  const { gzipSync } = await import('node:zlib');
  const base = `http://${bed.cluster.registry!.address}/v2/${bed.name}/linux`;
  const send = async (url: string, method: string, body: Buffer, type: string): Promise<Response> => {
    const response = await fetch(url, { method, body: new Uint8Array(body), headers: { 'content-type': type } });
    assert.ok(response.ok, `${method} ${url}: ${response.status}`);
    return response;
  };
  const blob = async (body: Buffer, mediaType: string): Promise<object> => {
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    const begun = await send(`${base}/blobs/uploads/`, 'POST', Buffer.alloc(0), 'application/octet-stream');
    const upload = new URL(begun.headers.get('location')!, base);
    upload.searchParams.set('digest', digest);
    await send(upload.href, 'PUT', body, 'application/octet-stream');
    return { mediaType, digest, size: body.length };
  };
  const config = await blob(Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Cmd: ['/bin/sh'] }, rootfs: { type: 'layers', diff_ids: [] } })), 'application/vnd.oci.image.config.v1+json');
  const layer = await blob(gzipSync(Buffer.alloc(10_240)), 'application/vnd.oci.image.layer.v1.tar+gzip');
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  await send(`${base}/manifests/1`, 'PUT', Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] })), mediaType);
  return `${bed.cluster.registry!.address}/${bed.name}/linux:1`;
}
