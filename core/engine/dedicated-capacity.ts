/** What one process on this machine can hold. */
export interface MachineWalls {
  /** `vm.max_map_count`: V8 aborts the process beyond it. */
  readonly maxMapCount: number;
  /** Soft limit of open files (`RLIMIT_NOFILE`). */
  readonly openFiles: number;
  /** Memory that guests' threads may use, in bytes. */
  readonly memoryBytes: number;
}

/** Measured on Node 26: a thread has 34 memory maps, each linear memory 2, and its files and rings some more. */
const mapsPerThread = 40;
const mapsOfTheNode = 8_000;
/** A fifth stays free for what is not counted here. */
const usableMaps = 0.8;
/** 5 of the thread's own, and a few that its guest has open on average. */
const filesPerThread = 8;
const filesOfTheNode = 1_000;
const bytesPerThread = 9 * 1024 * 1024;
/** V8 reserves 8 GiB of addresses per memory; a process has room for about 16,350. */
const memoriesOfAProcess = 16_000;

/**
 * Containers of the dedicated class that fit beside each other, at least 1. Published as the node's capacity, so that
 * the scheduler holds the surplus and the process never finds a wall by running into it.
 */
export function dedicatedCapacity({ maxMapCount, openFiles, memoryBytes }: MachineWalls): number {
  const walls = [
    (maxMapCount * usableMaps - mapsOfTheNode) / mapsPerThread,
    (openFiles - filesOfTheNode) / filesPerThread,
    memoryBytes / bytesPerThread,
    memoriesOfAProcess,
  ];
  return Math.max(1, Math.floor(Math.min(...walls)));
}
