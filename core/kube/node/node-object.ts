/** What this node says about itself: pure, from facts. Conditions are made in node-conditions.ts, since they have a history. */
import type { Node, NodeAddress, NodeStatus, Taint } from '../../api/kubernetes.ts';
import { parseMilliQuantity, parseQuantity } from '../../pod/quantity.ts';
import type { Machine } from './machine.ts';
import type { Pressure } from './node-conditions.ts';

/** The contract that we follow; controllers and kubectl parse what is made of it as a version of Kubernetes. */
const kubernetesVersion = 'v1.37.2';

/** What the node reports as its kubeletVersion. */
export function kubeletVersion(version: string): string {
  return `${kubernetesVersion}-wasmlet.${version}`;
}

const maxImages = 50;
const maxNamesPerImage = 5;

/** Withheld from what pods may use. */
export interface Reservation {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
}

export interface NodeFacts {
  readonly name: string;
  readonly hostname: string;
  /** wasmlet's own. */
  readonly version: string;
  readonly machine: Machine;
  readonly diskBytes: number;
  readonly addresses: readonly NodeAddress[];
  /** Of the HTTPS server. */
  readonly port: number;
  readonly maxPods: number;
  readonly reserved: Reservation;
  /** Active ones. */
  readonly runtimes: readonly string[];
  readonly runtimeHandlers: readonly string[];
  readonly declaredFeatures: readonly string[];
  readonly images: readonly { readonly names: readonly string[]; readonly sizeBytes: number }[];
  /** Configured; they win over our own, except for the hostname and the runtimes. */
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly providerID: string | undefined;
  readonly pressure: Pressure;
  /** Why the node is not ready; empty: it is. */
  readonly notReady: readonly string[];
}

export interface NodeDescription {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly providerID: string | undefined;
  /** Without conditions. */
  readonly status: NodeStatus;
  readonly pressure: Pressure;
  readonly notReady: readonly string[];
}

export function describeNode(facts: NodeFacts): NodeDescription {
  const { machine, reserved } = facts;
  return {
    name: facts.name,
    labels: nodeLabels(facts),
    annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    taints: facts.taints,
    providerID: facts.providerID,
    pressure: facts.pressure,
    notReady: facts.notReady,
    status: {
      addresses: [...facts.addresses],
      capacity: {
        cpu: cpu(machine.cpuMillis),
        memory: kibibytes(machine.memoryBytes),
        pods: String(facts.maxPods),
        'ephemeral-storage': kibibytes(facts.diskBytes),
      },
      allocatable: {
        cpu: cpu(machine.cpuMillis - reserved.cpuMillis),
        memory: kibibytes(machine.memoryBytes - reserved.memoryBytes),
        pods: String(facts.maxPods),
        'ephemeral-storage': String(Math.max(0, Math.floor(facts.diskBytes - reserved.ephemeralStorageBytes))),
      },
      daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
      nodeInfo: {
        machineID: machine.machineID,
        systemUUID: machine.systemUUID,
        bootID: machine.bootID,
        kernelVersion: machine.kernelVersion,
        osImage: machine.osImage,
        containerRuntimeVersion: `wasmlet://${facts.version}`,
        kubeletVersion: kubeletVersion(facts.version),
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture: 'wasm-wasi',
      },
      images: imageList(facts.images),
      runtimeHandlers: [...facts.runtimeHandlers].sort().map((name) => ({ name, features: { recursiveReadOnlyMounts: false, userNamespaces: false } })),
      // The API server refuses a list that is not sorted or has a name twice.
      declaredFeatures: [...new Set(facts.declaredFeatures)].sort(),
    },
  };
}

/** The object to register. `unschedulable`: the cordon that a deleted node had. */
export function newNode(description: NodeDescription, status: NodeStatus, unschedulable: boolean): Node {
  const { name, labels, annotations, taints, providerID } = description;
  const node: Omit<Node, 'metadata'> & { metadata: Omit<Node['metadata'], 'uid'> } = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...labels }, annotations: { ...annotations } },
    spec: { taints: [...taints], ...(providerID === undefined ? {} : { providerID }), ...(unschedulable ? { unschedulable } : {}) },
    status,
  };
  // The UID is the API server's to give.
  return node as Node;
}

/** KubeletConfiguration's reservations and the memory that eviction keeps free, added up. Throws FIELD_INVALID for what is no quantity. */
export function reservation(...parts: readonly Readonly<Record<string, string>>[]): Reservation {
  const sum = (key: string, parse: (text: string) => bigint): number => parts.reduce((total, part) => total + (part[key] === undefined ? 0 : Number(parse(part[key]))), 0);
  return { cpuMillis: sum('cpu', parseMilliQuantity), memoryBytes: sum('memory', parseQuantity), ephemeralStorageBytes: sum('ephemeral-storage', parseQuantity) };
}

function nodeLabels({ hostname, runtimes, labels }: NodeFacts): Record<string, string> {
  return {
    'kubernetes.io/arch': 'wasm32-wasi',
    'kubernetes.io/os': 'wasm32-wasi',
    'beta.kubernetes.io/arch': 'wasm32-wasi',
    'beta.kubernetes.io/os': 'wasm32-wasi',
    // Manifests written for Krustlet select it.
    type: 'krustlet',
    ...labels,
    'kubernetes.io/hostname': hostname,
    ...Object.fromEntries(runtimes.map((name) => [`wasmlet.dev/runtime-${name}`, 'true'])),
  };
}

/** Largest first; of each the names with a digest first. */
function imageList(images: NodeFacts['images']): NonNullable<NodeStatus['images']> {
  return [...images]
    .sort((left, right) => right.sizeBytes - left.sizeBytes || (left.names[0] ?? '').localeCompare(right.names[0] ?? ''))
    .slice(0, maxImages)
    .map(({ names, sizeBytes }) => ({ names: [...names].sort((left, right) => Number(right.includes('@')) - Number(left.includes('@')) || left.localeCompare(right)).slice(0, maxNamesPerImage), sizeBytes }));
}

function cpu(millis: number): string {
  const value = Math.max(0, Math.floor(millis));
  return value % 1000 === 0 ? String(value / 1000) : `${value}m`;
}

function kibibytes(bytes: number): string {
  return `${Math.max(0, Math.floor(bytes / 1024))}Ki`;
}
