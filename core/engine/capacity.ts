/**
 * How many guests a process can hold. V8 aborts the process beyond some of its walls and the kernel refuses beyond others,
 * so they are counted, never found out; what is counted is published, so that the scheduler holds the surplus.
 */
import type { IsolationClass } from '../api/runtime.ts';
import { engineDefaults } from './engine-options.ts';

/** What one process on this machine can have of each. */
export interface MachineWalls {
  /** Memory maps (`vm.max_map_count`). */
  readonly maps: number;
  /** Open files (`RLIMIT_NOFILE`). */
  readonly files: number;
  /** Threads: the machine's and the control group's. */
  readonly threads: number;
  /** Linear memories: V8 reserves 8 GiB of addresses for each, and a process has room for about 16,350. */
  readonly memories: number;
  /** Memory that guests may use, in bytes. */
  readonly bytes: number;
}

export type Cost = MachineWalls;

/** V8's own wall, with some room. */
export const memoriesOfAProcess = 16_000;

/**
 * Of one container, measured on Node 26 with a C program that sleeps. Dedicated: 34 maps and 5 files are the thread's own,
 * the others its guest's on average; 6 MB. Shared: 5.6 maps and 240 kB, the node's own records of the pod included.
 */
export const costs: Readonly<Record<IsolationClass, Cost>> = {
  dedicated: { maps: 42, files: 8, threads: 1, memories: 1, bytes: 8 * 1024 * 1024 },
  shared: { maps: 6, files: 1, threads: 0, memories: 1, bytes: 256 * 1024 },
};

/** The process without guests: its threads of all kinds, its connections, its caches. Its memory is withheld elsewhere. */
const ofTheNode: Cost = { maps: 4_000, files: 256, threads: 64, memories: 16, bytes: 0 };

/** Of one TCP connection of a guest: its rings, and about as much again in the socket. Memory that it takes only while it is used. */
const connectionBytes = 256 * 1024;

/** Of maps a tenth stays free besides: a heap that grows takes more of them, and this wall is the one that kills. */
const usableMaps = 0.9;

const resources = ['maps', 'files', 'threads', 'memories', 'bytes'] as const;

/** Containers by class that are here already. */
export type Placed = Readonly<Record<IsolationClass, number>>;

export const nothingPlaced: Placed = { dedicated: 0, shared: 0 };

/** Containers of a class that still fit beside those that are here; at least one on an empty node. */
export function roomFor(isolation: IsolationClass, walls: MachineWalls, placed: Placed): number {
  const room = Math.floor(Math.min(...resources.map((resource) => left(resource, walls, placed) / costs[isolation][resource])));
  return Math.max(placed.dedicated + placed.shared === 0 ? 1 : 0, room);
}

function left(resource: (typeof resources)[number], walls: MachineWalls, placed: Placed): number {
  const usable = resource === 'maps' ? walls.maps * usableMaps : walls[resource];
  return usable - ofTheNode[resource] - placed.dedicated * costs.dedicated[resource] - placed.shared * costs.shared[resource];
}

/**
 * Pods that the node offers: those that are here and the dedicated ones of one container that still fit, up to what is
 * configured. So whatever pod the scheduler sends next has room, and as shared ones come, or pods of several containers,
 * the offer follows what is left.
 */
export function podCapacity(configured: number, pods: number, walls: MachineWalls, placed: Placed): number {
  return Math.min(configured, pods + roomFor('dedicated', walls, placed));
}

/** Of a dedicated container's files: its thread's event loop and its log. */
const filesWithoutGuest = 6;

/** Descriptors that the guests of all containers may have at once: the rest is for the node, the containers that it takes, and connections that wait for a guest. */
export function guestDescriptors(walls: MachineWalls, maxContainers: number): number {
  return spareFiles(walls, maxContainers) - guestConnections(walls, maxContainers);
}

/** TCP connections that the guests of all containers may have at once, accepted or not: they are open files, and memory. */
export function guestConnections(walls: MachineWalls, maxContainers: number): number {
  return Math.floor(Math.min(engineDefaults.maxConnections, spareFiles(walls, maxContainers) / 4, walls.bytes / 16 / connectionBytes));
}

/** What neither the node nor the containers that it takes need. */
function spareFiles(walls: MachineWalls, maxContainers: number): number {
  const containers = Math.min(maxContainers, roomFor('dedicated', walls, nothingPlaced));
  return Math.max(0, walls.files - ofTheNode.files - containers * filesWithoutGuest);
}

/** What the walls must be for so many dedicated containers: what a node that may raise them asks for. */
export function wallsFor(containers: number): Pick<MachineWalls, 'maps' | 'files'> {
  const needed = (resource: 'maps' | 'files'): number => ofTheNode[resource] + containers * costs.dedicated[resource];
  return { maps: Math.ceil(needed('maps') / usableMaps), files: needed('files') + engineDefaults.maxConnections };
}
