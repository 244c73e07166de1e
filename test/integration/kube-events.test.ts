import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ApiClient } from '../../core/kube/api/api-client.ts';
import { ApiEventRecorder } from '../../core/kube/events/api-event-recorder.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { startApiFake } from '../support/api-fake/api-fake.ts';
import type { ApiFake } from '../support/api-fake/api-fake.ts';
import { connect } from '../support/kube-connection.ts';
import { VirtualClock } from '../support/kubelet/virtual-clock.ts';

const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'p', uid: 'u', fieldPath: 'spec.containers{main}' };

describe('events against the API fake', () => {
  let fake: ApiFake;
  let api: ApiClient;
  let clock: VirtualClock;
  let recorder: ApiEventRecorder;
  const dropped = new Map<string, number>();
  const warnings: string[] = [];

  beforeEach(async () => {
    fake = await startApiFake();
    api = await connect(fake.kubeconfigPath);
    clock = new VirtualClock();
    dropped.clear();
    warnings.length = 0;
    recorder = new ApiEventRecorder({ api, nodeName: fake.nodeName, clock, logger: { ...silentLogger, warn: (_, message) => void warnings.push(message) }, onDropped: (cause) => dropped.set(cause, (dropped.get(cause) ?? 0) + 1) });
  });

  afterEach(async () => {
    const stopped = recorder.stop(0);
    await clock.advance(0, async () => {});
    await stopped;
    api.close();
    await fake.stop();
  });

  const events = () => fake.objects.list('events');
  /** Long enough for the events that were told. */
  const linger = () => clock.advance(100, settle);
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

  it('have the shape that upstream gives them', async () => {
    recorder.event(pod, 'Normal', 'Started', 'Container started');
    await linger();
    const event = await fake.until('the event', () => events()[0]);
    assert.match(event.metadata.name, /^p\.[0-9a-f]+$/);
    const { metadata: _, ...rest } = event;
    assert.deepEqual(rest, {
      apiVersion: 'v1',
      kind: 'Event',
      involvedObject: pod,
      type: 'Normal',
      reason: 'Started',
      message: 'Container started',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      source: { component: 'kubelet', host: 'fake-node' },
      reportingComponent: 'kubelet',
      reportingInstance: 'fake-node',
    });
  });

  it('are counted in one object, also after that has been deleted', async () => {
    recorder.event(pod, 'Warning', 'BackOff', 'again');
    recorder.event(pod, 'Warning', 'BackOff', 'again');
    await linger();
    await fake.until('the count', () => events()[0]?.['count'] === 2);
    assert.equal(events().length, 1);
    fake.delete('events', 'default', events()[0]!.metadata.name);
    recorder.event(pod, 'Warning', 'BackOff', 'again');
    await linger();
    await fake.until('another object', () => events()[0]?.['count'] === 3);
  });

  it('come after what pods wait for, but not for ever', async () => {
    fake.faults.add({ path: /nodes/ }, { kind: 'hang' }, 8);
    for (let call = 0; call < 8; call++) void api.call({ method: 'GET', path: '/api/v1/nodes' }).catch(() => undefined);
    recorder.event(pod, 'Normal', 'Started', 'Container started');
    await clock.advance(900, settle);
    assert.deepEqual(events(), []);
    await clock.advance(300, settle);
    await fake.until('the event', () => events().length === 1);
  });

  it('wait out an outage, without holding anybody up', async () => {
    const back = fake.outage();
    recorder.event(pod, 'Normal', 'Pulled', 'one');
    recorder.event(pod, 'Normal', 'Started', 'two');
    await clock.advance(30_000, settle);
    back();
    await clock.advance(10_000, settle);
    await fake.until('both', () => events().length === 2);
  });

  it('give up one that is refused and go on', async () => {
    recorder.event({ ...pod, namespace: 'default', name: 'Not A Name' }, 'Normal', '', 'no reason');
    recorder.event(pod, 'Normal', 'Started', 'fine');
    await linger();
    await fake.until('the good one', () => events().length === 1);
    assert.equal(events()[0]!['message'], 'fine');
    assert.deepEqual([...dropped], [['refused', 1]]);
  });

  it('are dropped when too many wait, and cut when they are long', async () => {
    const back = fake.outage();
    for (let index = 0; index < 1100; index++) recorder.event({ ...pod, uid: `u${index}`, name: `p${index}` }, 'Normal', 'Started', 'x'.repeat(2000));
    back();
    await clock.advance(10_000, settle);
    await fake.until('the queue to empty', () => events().length >= 1000);
    assert.equal(events().length, 1000);
    assert.equal((events()[0]!['message'] as string).length, 1024);
    assert.deepEqual([...dropped], [['queue_full', 100]]);
    await settle();
    assert.deepEqual(warnings, ['Too many events wait for the API server, further ones are dropped', 'Events were dropped']);
  });

  it('are counted when their pod makes too many, and told of when the node ends before they are sent', async () => {
    for (let index = 0; index < 30; index++) recorder.event(pod, 'Warning', `Reason${index}`, 'x');
    await linger();
    await fake.until('the burst', () => events().length === 25);
    await settle();
    assert.deepEqual([...dropped], [['spam', 5]]);
    const back = fake.outage();
    for (const name of ['a', 'b', 'c']) recorder.event({ ...pod, uid: name, name }, 'Normal', 'Started', 'x');
    await linger();
    const stopped = recorder.stop(0);
    await clock.advance(0, settle);
    await stopped;
    assert.deepEqual(warnings, ['Events were not sent before the end']);
    back();
  });
});
