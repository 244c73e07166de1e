/** The API server ends and comes back under a node with running pods. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Lease } from '../../core/api/kubernetes.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/wasmlet-process.ts';
import { NodeBed } from './node-bed.ts';
import { reasonToSkip } from './cluster.ts';

describe('an outage of the API server', { skip: await reasonToSkip('controllers', 'registry'), timeout: 240_000 }, () => {
  // Stopping the shared one would trouble others.
  let cluster: ControlPlane;
  let bed: NodeBed;
  before(async () => {
    cluster = await startControlPlane();
    bed = await NodeBed.open({ name: 'outage', cluster, configuration: { nodeLeaseDurationSeconds: 8 } });
  });
  after(async () => {
    await bed?.close();
    await cluster?.stop();
  });

  it('leaves pods running, ends nothing, and is made up for', async () => {
    const volumes = [{ name: 'host', hostPath: { path: bed.directory } }];
    const volumeMounts = [{ name: 'host', mountPath: '/h' }];
    const file = (name: string): string | undefined => {
      try {
        return readFileSync(path.join(bed.directory, name), 'utf8');
      } catch {
        return undefined;
      }
    };
    await bed.createPod('lasting', { spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 1, volumes, containers: [{ name: 'main', volumeMounts, args: ['append(lit:x)to(file:/h/starts)', 'sleep(ms:3600000)'] }] } });
    // It ends only when this test, in mid-outage, tells it to.
    await bed.createPod('ending', { spec: { volumes, containers: [{ name: 'main', volumeMounts, args: ['await(file:/h/go)is(lit:now)', 'write(lit:ended)to(file:/h/done)', 'exit(code:9)'] }] } });
    await bed.createPod('trigger', { spec: { volumes, containers: [{ name: 'main', volumeMounts, args: ['await(file:/h/starts)is(lit:x)', 'sleep(ms:4000)', 'write(lit:now)to(file:/h/go)'] }] } });
    for (const name of ['lasting', 'ending', 'trigger']) await bed.podThat(name, 'runs', (pod) => pod.status?.containerStatuses?.[0]?.state?.running !== undefined);
    const renewal = async (): Promise<string> => (await bed.get<Lease>('lease', '-n', 'kube-node-lease', bed.name)).spec!.renewTime!;
    const before = await renewal();

    await cluster.stopApiServer();
    assert.equal(file('done'), undefined, 'the outage began before the pod ended');
    await eventually('the pod ends while nobody can be told', () => file('done') === 'ended', 60);
    await cluster.startApiServer();

    const ended = await bed.ended('ending', 'Failed');
    assert.equal(ended.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 9);
    await bed.ended('trigger');
    await eventually('the lease is renewed', async () => (await renewal()) > before, 60);
    await bed.nodeReady();
    const lasting = await bed.pod('lasting');
    assert.equal(lasting.status?.containerStatuses?.[0]?.restartCount, 0);
    assert.ok(lasting.status?.containerStatuses?.[0]?.state?.running);
    assert.equal(file('starts'), 'x', 'it was started once');
    await bed.createPod('after', { spec: { containers: [{ name: 'main', args: ['write(lit:back)to(stm:stdout)'] }] } });
    await bed.ended('after');
  });
});
