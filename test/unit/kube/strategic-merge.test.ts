import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Node, NodeStatus, Pod, PodStatus } from '../../../core/api/kubernetes.ts';
import { nodeMetadataPatch, nodeStatusPatch } from '../../../core/kube/node/node-status-patch.ts';
import { podStatusPatch } from '../../../core/kube/pods/pod-status-patch.ts';
import { sameJson } from '../../../core/kube/pods/strategic-merge.ts';
import { applyStrategicMerge } from '../../support/api-fake/apply-strategic-merge.ts';

const conditionTypes = ['Ready', 'Initialized', 'PodResizePending', 'DisruptionTarget', 'example.com/gate'];
const owned = new Set(['Ready', 'Initialized', 'PodResizePending']);
const conditions = fc.uniqueArray(
  fc.record({ type: fc.constantFrom(...conditionTypes), status: fc.constantFrom('True', 'False'), reason: fc.option(fc.constantFrom('A', 'B'), { nil: undefined }), message: fc.option(fc.constant('m'), { nil: undefined }) }),
  { selector: ({ type }) => type },
);
const ips = fc.uniqueArray(fc.record({ ip: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1') }), { selector: ({ ip }) => ip, maxLength: 2 });
const containers = fc.array(fc.record({ name: fc.constantFrom('a', 'b'), ready: fc.boolean(), restartCount: fc.nat(3) }), { maxLength: 2 });
const podStatus = fc.record(
  { phase: fc.constantFrom('Pending', 'Running'), reason: fc.constantFrom('R', 'S'), message: fc.constant('m'), conditions, podIPs: ips, podIP: fc.constant('192.0.2.1'), containerStatuses: containers, startTime: fc.constant('2026-01-01T00:00:00Z') },
  { requiredKeys: ['phase'] },
) as fc.Arbitrary<PodStatus>;

const podWith = (status: PodStatus): Pod => ({ metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [] }, status });
const json = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe('strategic merge patches', () => {
  it('applied by the API server, make of any status the wanted one, and keep what others own', () => {
    fc.assert(
      fc.property(podStatus, podStatus, (before, wanted) => {
        const pod = json(podWith(before));
        const patch = podStatusPatch(pod, wanted);
        const after = patch === undefined ? pod : (applyStrategicMerge('Pod', pod, json(patch)) as unknown as Pod);
        const expected = json(wanted);
        for (const field of ['phase', 'reason', 'message', 'podIP', 'podIPs', 'containerStatuses'] as const) {
          const want = expected[field] ?? undefined;
          assert.ok(sameJson(after.status?.[field] ?? undefined, want) || (Array.isArray(want) && want.length === 0), `${field}: ${JSON.stringify(after.status)} for ${JSON.stringify(expected)}`);
        }
        const foreign = (before.conditions ?? []).filter(({ type }) => !owned.has(type) && !wanted.conditions?.some((condition) => condition.type === type));
        const sort = (list: readonly { type: string }[]) => [...list].sort((a, b) => a.type.localeCompare(b.type));
        if (wanted.conditions !== undefined) assert.ok(sameJson(sort(after.status?.conditions ?? []), json(sort([...wanted.conditions, ...foreign]))), JSON.stringify([after.status?.conditions, wanted.conditions]));
        // A second look finds nothing to write.
        if (wanted.conditions !== undefined) assert.equal(podStatusPatch(after, { ...wanted, conditions: after.status?.conditions ?? [] }), undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('a foreign condition is never deleted, an own one is', () => {
    const pod = podWith({ conditions: [{ type: 'DisruptionTarget', status: 'True' }, { type: 'PodResizePending', status: 'True' }] });
    assert.deepEqual(podStatusPatch(pod, { conditions: [] })?.status, { conditions: [{ $patch: 'delete', type: 'PodResizePending' }] });
  });

  it('container statuses go as a whole, of a condition only what changed', () => {
    const pod = podWith({ conditions: [{ type: 'Ready', status: 'False', reason: 'X', lastTransitionTime: 't' }], containerStatuses: [{ name: 'a', ready: false, restartCount: 0, image: 'i', imageID: 'j' }] });
    const patch = podStatusPatch(pod, { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: 't' }], containerStatuses: [{ name: 'a', ready: true, restartCount: 0, image: 'i', imageID: 'j' }] });
    assert.deepEqual(patch, {
      metadata: { uid: 'u' },
      status: { conditions: [{ type: 'Ready', status: 'True', reason: null }], containerStatuses: [{ name: 'a', ready: true, restartCount: 0, image: 'i', imageID: 'j' }] },
    });
  });

  it('what the API server adds to an empty struct is no difference', () => {
    assert.equal(podStatusPatch(podWith({ containerStatuses: [{ name: 'a', ready: true, restartCount: 0, image: 'i', imageID: 'j', lastState: {} }] }), { containerStatuses: [{ name: 'a', ready: true, restartCount: 0, image: 'i', imageID: 'j' }] }), undefined);
  });

  it('addresses of a node are replaced as a whole; capacity loses what is gone', () => {
    const before: NodeStatus = { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }], capacity: { cpu: '2', 'example.com/gpu': '1' } };
    assert.deepEqual(nodeStatusPatch(before, { addresses: [{ type: 'InternalIP', address: '192.0.2.2' }], capacity: { cpu: '4' } }), {
      addresses: [{ type: 'InternalIP', address: '192.0.2.2' }, { $patch: 'replace' }],
      capacity: { cpu: '4', 'example.com/gpu': null },
    });
  });

  it('a quantity in another form and an empty list are no difference for a node', () => {
    assert.equal(nodeStatusPatch({ capacity: { memory: '4Gi', cpu: '1500m' } }, { capacity: { memory: '4194304Ki', cpu: '1500m' }, images: [], declaredFeatures: [] }), undefined);
    assert.deepEqual(nodeStatusPatch({ declaredFeatures: ['A'] }, { declaredFeatures: [] }), { declaredFeatures: [] });
  });

  it('labels of a node: ours are set, a runtime that is gone is taken off, others stay', () => {
    const node = { metadata: { name: 'n', uid: 'u', labels: { team: 'a', 'kubernetes.io/os': 'linux', 'wasmlet.dev/runtime-jco': 'true' } } } as unknown as Node;
    assert.deepEqual(nodeMetadataPatch(node, { labels: { 'kubernetes.io/os': 'wasm32-wasi', 'wasmlet.dev/runtime-wasi': 'true' }, annotations: {} }), {
      metadata: { labels: { 'kubernetes.io/os': 'wasm32-wasi', 'wasmlet.dev/runtime-wasi': 'true', 'wasmlet.dev/runtime-jco': null }, annotations: {} },
    });
    assert.equal(nodeMetadataPatch(node, { labels: { 'wasmlet.dev/runtime-jco': 'true' }, annotations: {} }), undefined);
  });
});
