import { execFile } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Where and of what a result was measured. */
export interface Stamp {
  /** RFC 3339. */
  readonly date: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryMiB: number;
    readonly kernel: string;
    readonly architecture: string;
  };
  readonly versions: {
    readonly wasmlet: string;
    readonly commit: string;
    readonly node: string;
    /** Of the API server, `vX.Y.Z`; absent where there was none. */
    readonly kubernetes?: string;
  };
}

export async function stamp(versions: Pick<Stamp['versions'], 'wasmlet' | 'kubernetes'>): Promise<Stamp> {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    machine: {
      cpu: processors[0]?.model ?? 'unknown',
      cores: processors.length,
      memoryMiB: Math.round(totalmem() / 2 ** 20),
      kernel: release(),
      architecture: process.arch,
    },
    versions: { ...versions, commit: await commit(), node: process.version },
  };
}

/** The commit's short hash, `-dirty` where the checkout differs from it. */
async function commit(): Promise<string> {
  const options = { cwd: join(import.meta.dirname, '..', '..') };
  const { stdout } = await promisify(execFile)('git', ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'], options);
  return stdout.trim();
}
