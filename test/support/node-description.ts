import { describeNode } from '../../core/kube/node/node-object.ts';
import type { NodeDescription, NodeFacts } from '../../core/kube/node/node-object.ts';

/** A node of two CPUs with the runtime `wasi`. */
export function nodeDescription(changes: Partial<NodeFacts> = {}): NodeDescription {
  return describeNode({
    name: 'wasm-1',
    hostname: 'wasm-1',
    version: '0.1.0',
    machine: { cpuMillis: 2000, memoryBytes: 4 * 1024 ** 3, kernelVersion: '6.18.0', osImage: 'Debian', machineID: 'm', systemUUID: 's', bootID: 'this boot', hostname: 'wasm-1' },
    diskBytes: 100 * 1024 ** 3,
    addresses: [{ type: 'InternalIP', address: '192.0.2.1' }, { type: 'Hostname', address: 'wasm-1' }],
    port: 10250,
    maxPods: 110,
    reserved: { cpuMillis: 0, memoryBytes: 0, ephemeralStorageBytes: 0 },
    runtimes: ['wasi'],
    runtimeHandlers: ['wasmlet'],
    declaredFeatures: [],
    images: [],
    labels: {},
    taints: [
      { key: 'kubernetes.io/arch', value: 'wasm32-wasi', effect: 'NoSchedule' },
      { key: 'kubernetes.io/arch', value: 'wasm32-wasi', effect: 'NoExecute' },
    ],
    providerID: undefined,
    pressure: { memory: false, disk: false, pid: false },
    notReady: [],
    ...changes,
  });
}
