/** What the node says of itself: the machine, the configuration and the plugins, read when it is asked. */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { WasmletError } from './api/errors.ts';
import type { Image } from './api/image.ts';
import type { Logger } from './api/logger.ts';
import type { RuntimeRegistry } from './api/runtime.ts';
import type { NodeConfiguration } from './config/node-configuration.ts';
import { nothingPlaced, podCapacity, roomFor } from './engine/capacity.ts';
import type { MachineWalls, Placed } from './engine/capacity.ts';
import { raiseMachineWalls } from './engine/raise-machine-walls.ts';
import { readMachineWalls } from './engine/read-machine-walls.ts';
import { readDefaultInterface, readDisk, readMachine, readNetworkAddresses } from './kube/node/machine.ts';
import type { Machine } from './kube/node/machine.ts';
import { chooseNodeAddresses } from './kube/node/node-addresses.ts';
import type { NodeAddresses } from './kube/node/node-addresses.ts';
import { describeNode, reservation } from './kube/node/node-object.ts';
import type { NodeDescription, Reservation } from './kube/node/node-object.ts';

const mebibyte = 2 ** 20;
/** Upstream's hard eviction thresholds (contract §9): below them the node is under pressure. */
const leastMemoryBytes = 100 * mebibyte;
const leastDiskShare = 0.1;
/** What this process, its warm threads and its caches need themselves; withheld from allocatable beside what the configuration reserves. */
const ownReserve = { memory: '200Mi' };

/** Facts that stay while the process runs. */
export interface MachineFacts {
  readonly machine: Machine;
  readonly addresses: NodeAddresses;
  readonly reserved: Reservation;
  readonly walls: MachineWalls;
}

/** Throws ADDRESS_UNUSABLE and CONFIG_INVALID. */
export async function readMachineFacts(configuration: NodeConfiguration, logger: Logger): Promise<MachineFacts> {
  const [machine, defaultInterface] = await Promise.all([readMachine(), readDefaultInterface()]);
  const { nodeIP, nodeName, hostname } = configuration;
  const addresses = await chooseNodeAddresses({
    // A standalone node is for its machine alone.
    nodeIP: nodeIP ?? (configuration.standalone ? '127.0.0.1' : undefined),
    nodeName,
    hostname,
    interfaces: readNetworkAddresses(),
    defaultInterface,
    lookup: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  });
  if (addresses.loopback && !configuration.standalone) logger.warn({ address: addresses.ips[0] }, 'the node has a loopback address: only an API server on this machine can reach it, and Services cannot route to its pods');
  const reserved = reservation(configuration.kubeReserved, configuration.systemReserved, ownReserve);
  if (machine.memoryBytes <= reserved.memoryBytes) throw new WasmletError('CONFIG_INVALID', `reserved memory (${reserved.memoryBytes} bytes) leaves nothing of the machine's ${machine.memoryBytes}`);
  if (configuration.raiseMachineLimits) raiseMachineWalls(configuration.maxPods, logger);
  const walls = readMachineWalls(machine.memoryBytes - reserved.memoryBytes);
  if (roomFor('dedicated', walls, nothingPlaced) < configuration.maxPods) logger.info({ maxPods: configuration.maxPods, walls }, 'this process cannot hold maxPods guests on threads of their own; the node offers what fits');
  return { machine, addresses, reserved, walls };
}

export interface NodeState {
  readonly configuration: NodeConfiguration;
  readonly facts: MachineFacts;
  readonly version: string;
  readonly port: number;
  readonly runtimes: RuntimeRegistry;
  readonly images: readonly Image[];
  /** What holds places on this node now. */
  readonly load: { readonly pods: number; readonly containers: Placed };
  /** Why the node is not ready. */
  readonly notReady: readonly string[];
}

export async function describe({ configuration, facts, version, port, runtimes, images, load, notReady }: NodeState): Promise<NodeDescription> {
  const disk = await readDisk(path.resolve(configuration.rootDirectory));
  return describeNode({
    name: configuration.nodeName,
    hostname: configuration.hostname,
    version,
    machine: facts.machine,
    diskBytes: disk.capacityBytes,
    addresses: facts.addresses.addresses,
    port,
    maxPods: offeredPods(configuration, facts.walls, load),
    reserved: facts.reserved,
    runtimes: runtimes.list().filter(({ state, allowed }) => state === 'active' && allowed).map(({ manifest }) => manifest.name),
    runtimeHandlers: Object.keys(configuration.runtimeHandlers),
    declaredFeatures: [],
    images: images.map(({ reference, id, sizeBytes }) => ({ names: [id, reference], sizeBytes })),
    labels: configuration.nodeLabels,
    taints: configuration.registerWithTaints,
    providerID: configuration.providerID,
    pressure: { memory: availableMemory() < leastMemoryBytes, disk: disk.availableBytes < leastDiskShare * disk.capacityBytes, pid: false },
    notReady,
  });
}

/** Without a scheduler nobody follows an offer: then it is what the walls can hold at most. */
function offeredPods({ maxPods, standalone }: NodeConfiguration, walls: MachineWalls, { pods, containers }: NodeState['load']): number {
  return standalone ? Math.min(maxPods, roomFor('shared', walls, nothingPlaced)) : podCapacity(maxPods, pods, walls, containers);
}

function availableMemory(): number {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return available === undefined ? Infinity : Number(available) * 1024;
}
