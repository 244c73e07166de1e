/**
 * The limit that no node can beat: a node that answers each pod with one status and runs nothing. It has a node's
 * identity, writes what a kubelet must (Node, Lease, pod status, the final delete) and nothing else.
 *
 * A process of its own: `node null-node.ts CONNECTION.json`, the file holding a {@link NullNodeConnection}.
 */
import { readFileSync } from 'node:fs';
import { ApiClient, ApiError, type ApiObject } from '../../test/cluster/api-client.ts';
import type { KeyPair } from '../../test/cluster/certificates.ts';

export interface NullNodeConnection {
  readonly name: string;
  readonly url: string;
  /** PEM of the API server's authority. */
  readonly authority: string;
  readonly identity: KeyPair;
}

/** Pods that carry it have a program that exits at once: they are answered Succeeded, the others Running. */
export const exitsLabel = 'benchmark.wasmlet.dev/exits';

const leaseSeconds = 10;

if (import.meta.main) {
  const connection = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as NullNodeConnection;
  await runNullNode(connection.name, new ApiClient(connection));
}

async function runNullNode(name: string, api: ApiClient): Promise<void> {
  const answered = new Set<string>();
  const onPod = async (pod: ApiObject): Promise<void> => {
    const { uid, deletionTimestamp } = pod.metadata;
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
    if (deletionTimestamp) {
      if (!answered.delete(uid)) return;
      await api.request('DELETE', path, { gracePeriodSeconds: 0, preconditions: { uid } }).catch(ignoreNotFound);
    } else if (!answered.has(uid)) {
      answered.add(uid);
      await api.request('PATCH', `${path}/status`, podStatus(pod), 'application/strategic-merge-patch+json');
    }
  };
  await api.watch('/api/v1/pods', `fieldSelector=spec.nodeName%3D${name}`, (event) => {
    if (event.type === 'ADDED' || event.type === 'MODIFIED') void onPod(event.object);
  });
  const node = await api.request('POST', '/api/v1/nodes', nodeObject(name));
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  await api.request('POST', leases, lease(node));
  setInterval(() => {
    void api.request('PATCH', `${leases}/${name}`, { spec: { renewTime: microtime() } }, 'application/merge-patch+json');
  }, leaseSeconds * 1000);
}

/** The API server lets a pod that has ended go by itself. */
function ignoreNotFound(error: unknown): void {
  if (!(error instanceof ApiError && error.status === 404)) throw error;
}

function nodeObject(name: string): ApiObject {
  const resources = { cpu: '8', memory: '16Gi', pods: '1000', 'ephemeral-storage': '64Gi' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: {
      capacity: resources,
      allocatable: resources,
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastTransitionTime: now(), lastHeartbeatTime: now() }],
    },
  };
}

function lease(node: ApiObject): ApiObject {
  const { name, uid } = node.metadata;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'kube-node-lease', ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
    spec: { holderIdentity: name, leaseDurationSeconds: 4 * leaseSeconds, renewTime: microtime() },
  };
}

function podStatus(pod: ApiObject): ApiObject {
  const exits = exitsLabel in (pod.metadata.labels ?? {});
  const ready = exits ? 'False' : 'True';
  const condition = (type: string, status: string): object => ({ type, status, lastTransitionTime: now() });
  const state = exits
    ? { terminated: { exitCode: 0, reason: 'Completed', startedAt: now(), finishedAt: now() } }
    : { running: { startedAt: now() } };
  return {
    // The API server refuses the status of another pod of that name.
    metadata: { uid: pod.metadata.uid },
    status: {
      phase: exits ? 'Succeeded' : 'Running',
      hostIP: '127.0.0.1',
      podIP: '127.0.0.1',
      startTime: now(),
      conditions: [condition('Initialized', 'True'), condition('Ready', ready), condition('ContainersReady', ready)],
      containerStatuses: pod.spec.containers.map((container: ApiObject) => ({
        name: container.name,
        image: container.image,
        imageID: container.image,
        ready: !exits,
        started: !exits,
        restartCount: 0,
        state,
      })),
    },
  };
}

/** RFC 3339 in whole seconds, as Kubernetes' Time. */
function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

/** RFC 3339 in microseconds, as Kubernetes' MicroTime. */
function microtime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
