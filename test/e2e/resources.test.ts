/** Resources of pods and containers as a user sees them: resizes, and a limit of the pod as a whole. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Container, Pod, PodCondition } from '../../core/api/kubernetes.ts';
import { preview1Guest } from '../support/preview1-guests.ts';
import { reasonToSkip } from './cluster.ts';
import { NodeBed } from './node-bed.ts';

const sleep = ['sleep(ms:3600000)'];
const given = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } } as const;

describe('resources', { skip: await reasonToSkip('controllers', 'registry'), timeout: 120_000 }, () => {
  let bed: NodeBed;
  before(async () => {
    // The API server refuses a resize by itself where this label says another system.
    bed = await NodeBed.open({ name: 'resources', configuration: { nodeLabels: { 'kubernetes.io/os': 'linux' } } });
  });
  after(() => bed?.close());

  const running = (name: string): Promise<Pod> => bed.podThat(name, 'runs', ({ status }) => status?.containerStatuses?.every(({ state }) => state?.running));
  const pending = ({ status }: Pod): PodCondition | undefined => status?.conditions?.find(({ type }) => type === 'PodResizePending');
  const resize = (name: string, spec: object): Promise<string> => bed.kubectl(['patch', 'pod', name, '--subresource', 'resize', '-p', JSON.stringify({ spec })]);
  const memory = (limit: string): Pick<Container, 'resources'> => ({ resources: { limits: { memory: limit } } });
  const status = (pod: Pod, name: string) => pod.status!.containerStatuses!.find((container) => container.name === name)!;

  it('of a container that runs stay, also across a restart of the node; a resize is infeasible until it is taken back', async () => {
    await bed.createPod('container', { spec: { restartPolicy: 'Always', containers: [{ name: 'main', args: sleep, resources: given }] } });
    const before = status(await running('container'), 'main');
    await resize('container', { containers: [{ name: 'main', ...memory('128Mi') }] });
    const asked = await bed.podThat('container', 'has an answer', (pod) => pending(pod) !== undefined);
    const { status: truth, reason, message } = pending(asked)!;
    assert.deepEqual([truth, reason], ['True', 'Infeasible']);
    assert.match(message!, /a guest keeps the limits that it was started with/);
    assert.equal(asked.spec.containers[0]!.resources!.limits!['memory'], '128Mi');
    assert.deepEqual(status(asked, 'main'), before);
    assert.deepEqual([before.resources, before.allocatedResources, before.restartCount], [given, given.requests, 0]);
    assert.match(await bed.kubectl(['get', 'events', '--field-selector', 'involvedObject.name=container,reason=ResizeInfeasible']), /Warning +ResizeInfeasible +pod\/container +Pod resize Infeasible: the resources/);

    await bed.node.stop();
    bed.start();
    const restarted = await bed.podThat('container', 'runs again', ({ status: now }) => now?.containerStatuses?.[0]?.restartCount === 1 && now.containerStatuses[0].state?.running !== undefined);
    assert.deepEqual([pending(restarted)?.reason, status(restarted, 'main').resources], ['Infeasible', given]);

    await resize('container', { containers: [{ name: 'main', ...memory('64Mi') }] });
    await bed.podThat('container', 'has what it asks for', (pod) => pending(pod) === undefined);
  });

  it('of a pod as a whole bound all its containers: who wants more is OOMKilled, the others go on', async () => {
    const image = await bed.push('grow', preview1Guest('grow'));
    await bed.createPod('bounded', { spec: { resources: memory('32Mi').resources!, containers: [{ name: 'grower', image }, { name: 'other', args: sleep }] } });
    const pod = await bed.podThat('bounded', 'has lost the one that grew', (now) => now.status?.containerStatuses?.some(({ state }) => state?.terminated));
    const { terminated } = status(pod, 'grower').state!;
    assert.deepEqual([terminated?.reason, terminated?.exitCode], ['OOMKilled', 137]);
    assert.deepEqual([status(pod, 'other').state?.running === undefined, status(pod, 'other').restartCount], [false, 0]);
    assert.match(await bed.kubectl(['get', 'pod', 'bounded', '--no-headers']), /bounded +1\/2 +OOMKilled/);
  });
});
