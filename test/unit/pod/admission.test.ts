import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Node, Pod, PodSpec } from '../../../core/api/kubernetes.ts';
import { admitPod } from '../../../core/pod/admission/admit-pod.ts';
import { findPodProblems } from '../../../core/pod/admission/find-pod-problems.ts';
import { explainMalformedPod, isWellFormedPod } from '../../../core/pod/admission/well-formed-pod.ts';
import { AdmittedPods } from '../../../core/kubelet/pods/admitted-pods.ts';
import { testNode } from '../../support/kubelet/kubelet-rig.ts';
import { testPod } from './support.ts';

const tainted: Node = { ...testNode, spec: { taints: [{ key: 'kubernetes.io/arch', value: 'wasm32-wasi', effect: 'NoExecute' }, { key: 'busy', effect: 'NoSchedule' }] } };
const asking = (requests: Record<string, string>, name = 'p') => testPod(name, { containers: [{ name: 'main', image: 'i', resources: { requests } }] });
const onPort = (hostPort: number, name = 'p', more: object = {}) => testPod(name, { containers: [{ name: 'main', image: 'i', ports: [{ containerPort: 80, hostPort, ...more }] }] });
const requiring = (key: string, operator: string, values?: string[]): Pod =>
  testPod('p', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator, ...(values && { values }) }] }] } } } });
const tolerating = (toleration: object): Pod => testPod('p', { tolerations: [toleration] });
const contained = (container: object, spec: Partial<PodSpec> = {}): Pod => testPod('p', { containers: [{ name: 'main', image: 'i', ...container }], ...spec });

const admitted: readonly (readonly [string, Pod, Node?, (readonly Pod[])?])[] = [
  ['a plain pod', testPod('p')],
  ['a pod that asks for less than there is', asking({ cpu: '2', memory: '1Gi' })],
  ['an extended resource that this node does not know', asking({ 'example.com/gpu': '1' })],
  ['a matching node selector', testPod('p', { nodeSelector: { 'kubernetes.io/arch': 'wasm32-wasi' } })],
  ['In', requiring('kubernetes.io/arch', 'In', ['amd64', 'wasm32-wasi'])],
  ['NotIn of another value', requiring('kubernetes.io/arch', 'NotIn', ['amd64'])],
  ['NotIn of an absent label', requiring('zone', 'NotIn', ['a'])],
  ['Exists', requiring('kubernetes.io/arch', 'Exists')],
  ['DoesNotExist', requiring('zone', 'DoesNotExist')],
  ['Gt', requiring('generation', 'Gt', ['3']), { ...testNode, metadata: { ...testNode.metadata, labels: { generation: '4' } } }],
  ['a toleration of key and value', tolerating({ key: 'kubernetes.io/arch', operator: 'Equal', value: 'wasm32-wasi', effect: 'NoExecute' }), tainted],
  ['a toleration of everything', tolerating({ operator: 'Exists' }), tainted],
  ['a static pod in spite of a taint', testPod('p', {}, { annotations: { 'kubernetes.io/config.source': 'file' } }), tainted],
  ['the same port on another address', onPort(80, 'p', { hostIP: '10.0.0.1' }), testNode, [onPort(80, 'q', { hostIP: '10.0.0.2' })]],
  ['the same port of another protocol', onPort(80), testNode, [onPort(80, 'q', { protocol: 'UDP' })]],
  ['a safe sysctl', testPod('p', { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } })],
  ['what Pod Security asks for', contained({ securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } } })],
  ['a pod for linux by its os field', testPod('p', { os: { name: 'linux' } })],
  ['a node that has not measured itself', asking({ cpu: '64' }), { metadata: testNode.metadata }],
];

const refused: readonly (readonly [string, string, Pod, Node?, (readonly Pod[])?])[] = [
  ['too much cpu', "OutOfcpu: Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000", asking({ cpu: '1500m' }), testNode, [asking({ cpu: '1' }, 'q')]],
  ['too much memory', "OutOfmemory: Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824", asking({ memory: '2Gi' })],
  ['one pod too many', "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 1, capacity: 1", testPod('p'), { ...testNode, status: { allocatable: { pods: '1' } } }, [testPod('q')]],
  ['an init container that asks for too much', 'OutOfcpu', testPod('p', { initContainers: [{ name: 'i', image: 'i', resources: { requests: { cpu: '3' } } }] })],
  ['overhead that is too much', 'OutOfcpu', testPod('p', { overhead: { cpu: '3' } })],
  ['a node selector of another architecture', "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector", testPod('p', { nodeSelector: { 'kubernetes.io/arch': 'amd64' } })],
  ['In of other values', 'NodeAffinity', requiring('kubernetes.io/arch', 'In', ['amd64'])],
  ['Lt that does not hold', 'NodeAffinity', requiring('generation', 'Lt', ['3']), { ...testNode, metadata: { ...testNode.metadata, labels: { generation: '4' } } }],
  ['an operator that is none', 'NodeAffinity', requiring('kubernetes.io/arch', 'Like', ['x'])],
  ['a term without requirements', 'NodeAffinity', testPod('p', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{}] } } } })],
  ['another node’s pod', "NodeName: Predicate NodeName failed: node(s) didn't match the requested node name", testPod('p', { nodeName: 'node-2' })],
  ['a NoExecute taint', "TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate", testPod('p'), tainted],
  ['a toleration of another value', 'TaintToleration', tolerating({ key: 'kubernetes.io/arch', value: 'amd64' }), tainted],
  ['a host port that is held', "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports: TCP port 80 is held by pod default/q", onPort(80), testNode, [onPort(80, 'q', { hostIP: '10.0.0.2' })]],
  ['a container port of a host-network pod that is held', 'NodePorts', testPod('p', { hostNetwork: true, containers: [{ name: 'main', image: 'i', ports: [{ containerPort: 80 }] }] }), testNode, [onPort(80, 'q')]],
  ['an os selector', 'PodOSSelectorNodeLabelDoesNotMatch', testPod('p', { nodeSelector: { 'kubernetes.io/os': 'linux' } })],
  ['windows', 'PodOSNotSupported', testPod('p', { os: { name: 'windows' } })],
  ['a privileged container', 'PodFeatureUnsupported: this node runs WebAssembly and does not support privileged containers', contained({ securityContext: { privileged: true } })],
  ['hostPID', 'PodFeatureUnsupported', testPod('p', { hostPID: true })],
  ['hostIPC', 'PodFeatureUnsupported', testPod('p', { hostIPC: true })],
  ['a user namespace', 'PodFeatureUnsupported', testPod('p', { hostUsers: false })],
  ['block devices', 'PodFeatureUnsupported', contained({ volumeDevices: [{ name: 'd', devicePath: '/dev/x' }] })],
  ['an unsafe sysctl', 'SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted', testPod('p', { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } })],
  ['a request that is no quantity', 'UnexpectedAdmissionError', asking({ cpu: 'many' })],
  ['a request that is no quantity, on a node that has not measured itself', 'UnexpectedAdmissionError', asking({ cpu: 'many' }), { metadata: testNode.metadata }],
];

function placed(pods: readonly Pod[]): AdmittedPods {
  const placed = new AdmittedPods({}, { changed: () => undefined });
  for (const pod of pods) placed.set(pod);
  return placed;
}

describe('admission takes', () => {
  for (const [what, pod, node = testNode, others = []] of admitted) test(what, () => assert.equal(admitPod(pod, node, placed(others)), undefined));
});

describe('admission refuses', () => {
  for (const [what, expected, pod, node = testNode, others = []] of refused) {
    test(what, () => {
      const rejection = admitPod(pod, node, placed(others));
      assert.ok(rejection);
      assert.ok(`${rejection.reason}: ${rejection.message}`.startsWith(expected), `${rejection.reason}: ${rejection.message}`);
    });
  }
});

describe('a field that is not supported yet', () => {
  const ofContainer: readonly (readonly [string, object])[] = [
    ['livenessProbe', { livenessProbe: { exec: { command: ['x'] } } }], ['readinessProbe', { readinessProbe: { tcpSocket: { port: 1 } } }], ['startupProbe', { startupProbe: { tcpSocket: { port: 1 } } }],
    ['lifecycle', { lifecycle: { preStop: { sleep: { seconds: 1 } } } }], ['envFrom', { envFrom: [{ configMapRef: { name: 'c' } }] }], ['tty', { tty: true }],
    ['restartPolicyRules', { restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart' }] }], ['resourceFieldRef', { env: [{ name: 'V', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }] }],
    ['fileKeyRef', { env: [{ name: 'V', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'p', key: 'k' } } }] }], ['subPathExpr', { volumeMounts: [{ name: 'v', mountPath: '/v', subPathExpr: '$(X)' }] }],
  ];
  for (const [field, container] of ofContainer) {
    test(`of one container is told there: ${field}`, () => {
      const pod = testPod('p', { containers: [{ name: 'main', image: 'i', ...container }, { name: 'plain', image: 'i' }] });
      const { pod: whole, containers } = findPodProblems(pod);
      assert.equal(whole, false);
      assert.deepEqual([...containers.keys()], ['main']);
      assert.equal(containers.get('main')?.reason, 'CreateContainerConfigError');
      assert.ok(containers.get('main')?.message?.includes(field));
    });
  }

  for (const type of ['persistentVolumeClaim', 'csi', 'image', 'ephemeral', 'nfs']) {
    test(`of the pod is told at every container: a ${type} volume`, () => {
      const { pod, containers } = findPodProblems(testPod('p', { volumes: [{ name: 'v', [type]: {} }], initContainers: [{ name: 'first', image: 'i' }] }));
      assert.equal(pod, true);
      assert.deepEqual([...containers.keys()], ['first', 'main']);
    });
  }

  test('a sidecar is told at itself', () => assert.deepEqual([...findPodProblems(testPod('p', { initContainers: [{ name: 'side', image: 'i', restartPolicy: 'Always' }] })).containers.keys()], ['side']));
  test('an ephemeral container does not touch the others', () => {
    const { pod, containers } = findPodProblems(testPod('p', { ephemeralContainers: [{ name: 'debugger', image: 'i' }] }));
    assert.equal(pod, false);
    assert.deepEqual([...containers.keys()], ['debugger']);
  });
  test('nothing is found in a pod as the API server completes it', () => {
    const volume = { name: 'kube-api-access-x', projected: { sources: [{ serviceAccountToken: { path: 'token' } }, { configMap: { name: 'kube-root-ca.crt' } }, { downwardAPI: {} }] } };
    assert.equal(findPodProblems(testPod('p', { serviceAccountName: 'default', volumes: [volume] })).containers.size, 0);
  });

  const apiReferences: readonly (readonly [string, Partial<PodSpec>])[] = [
    ['serviceAccountName', { serviceAccountName: 'robot' }], ['runtimeClassName', { runtimeClassName: 'wasmlet' }], ['imagePullSecrets', { imagePullSecrets: [{ name: 's' }] }],
    ['volume v shows a configMap', { volumes: [{ name: 'v', configMap: { name: 'c' } }] }], ['volume v shows a secret', { volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 's' } }] } }] }],
    ['variable V', { containers: [{ name: 'main', image: 'i', env: [{ name: 'V', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }] }],
  ];
  for (const [what, spec] of apiReferences) {
    test(`a static pod may not refer to the API: ${what}`, () => {
      const { pod, containers } = findPodProblems(testPod('p', spec, { annotations: { 'kubernetes.io/config.source': 'file' } }));
      assert.equal(pod, true);
      assert.ok(containers.get('main')?.message?.includes(what), containers.get('main')?.message ?? '');
    });
  }
});

describe('a pod from outside', () => {
  const good = testPod('p');
  const bad: readonly (readonly [string, unknown])[] = [
    ['nothing', undefined], ['a text', 'pod'], ['no metadata', { spec: good.spec }], ['a UID that is a path', { ...good, metadata: { ...good.metadata, uid: '../../etc' } }],
    ['a name with a slash', { ...good, metadata: { ...good.metadata, name: 'a/b' } }], ['no containers', { ...good, spec: { containers: [] } }], ['a container without a name', { ...good, spec: { containers: [{}] } }],
    ['two containers of one name', { ...good, spec: { containers: [{ name: 'a' }, { name: 'a' }] } }], ['a container that is a path', { ...good, spec: { containers: [{ name: '..' }] } }],
    ['args that are a text', { ...good, spec: { containers: [{ name: 'a', args: 'x' }] } }], ['a variable that is a number', { ...good, spec: { containers: [{ name: 'a', env: [{ name: 'V', value: 1 }] }] } }],
    ['labels that are numbers', { ...good, metadata: { ...good.metadata, labels: { a: 1 } } }],
  ];
  for (const [what, value] of bad) test(`is told apart: ${what}`, () => assert.equal(typeof explainMalformedPod(value), 'string'));
  test('is taken when it is well-formed', () => assert.equal(isWellFormedPod(good), true));

  test('never makes a decision throw, however odd', () => {
    const odd = fc.record({
      apiVersion: fc.constant('v1'),
      metadata: fc.record({ name: fc.constant('p'), namespace: fc.constant('default'), uid: fc.constant('u'), annotations: fc.dictionary(fc.string(), fc.string()), deletionTimestamp: fc.anything() }),
      spec: fc.record({ containers: fc.constant([{ name: 'main' }]), nodeSelector: fc.anything(), affinity: fc.anything(), tolerations: fc.anything(), overhead: fc.anything(), securityContext: fc.anything(), os: fc.anything(), volumes: fc.anything() }),
    });
    fc.assert(fc.property(odd, (value) => {
      assert.doesNotThrow(() => explainMalformedPod(value));
      if (isWellFormedPod(value)) assert.doesNotThrow(() => admitPod(value, testNode, placed([])));
    }), { numRuns: 300 });
  });
});
