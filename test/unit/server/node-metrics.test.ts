import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { Clock } from '../../../core/api/clock.ts';
import type { ContainerObservation, EngineEvent, PodSandboxObservation } from '../../../core/api/engine.ts';
import { NodeMetrics } from '../../../core/server/node-metrics.ts';

const container = (id: string, more: Partial<ContainerObservation>): ContainerObservation => ({ id, podUid: 'u', name: id, kind: 'main', attempt: 0, hash: '', image: '', imageId: '', runtime: 'wasi', isolation: 'dedicated', phase: 'exited', createdAt: 1000, startedAt: 4500, ...more });

describe('NodeMetrics', () => {
  it('counts each start once, by started or by exited, and passes the events on', async () => {
    const containers = [container('init', { kind: 'init', startedAt: 2000 }), container('never', { startedAt: undefined }), container('main', {}), container('again', { attempt: 1, startedAt: 9000 })];
    const sandbox: PodSandboxObservation = { uid: 'u', name: 'p', namespace: 'd', createdAt: 1000, containers: containers.slice(0, 3) };
    let shown = sandbox;
    const metrics = new NodeMetrics({ registry: new Registry(), nodeName: 'n', version: 'v', engine: { podSandbox: (uid) => (uid === 'u' ? shown : undefined), listPodSandboxes: () => [shown] }, clock: { now: () => 0 } as Clock });
    const events: EngineEvent[] = [
      { type: 'container-exited', podUid: 'u', containerId: 'init' },
      { type: 'container-exited', podUid: 'u', containerId: 'never' },
      { type: 'container-started', podUid: 'u', containerId: 'main' },
      { type: 'container-changed', podUid: 'u', containerId: 'main' },
      { type: 'container-exited', podUid: 'u', containerId: 'main' },
      { type: 'container-started', podUid: 'gone', containerId: 'x' },
      { type: 'container-started', podUid: 'u', containerId: 'again' },
    ];
    const seen: EngineEvent[] = [];
    for await (const event of metrics.watch((async function* () { yield* events; })())) {
      seen.push(event);
      if (event.containerId === 'x') shown = { ...sandbox, containers };
    }
    assert.deepEqual(seen, events);
    const { body } = await metrics.text();
    for (const line of ['kubelet_started_containers_total{container_type="init_container"} 1', 'kubelet_started_containers_total{container_type="container"} 2', 'kubelet_started_pods_total 1', 'kubelet_pod_start_duration_seconds_sum 3.5', 'kubelet_running_containers{container_state="exited"} 4', 'kubelet_running_pods 0']) assert.ok(body.includes(`${line}\n`), line);
  });
});
