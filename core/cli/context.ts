import os from 'node:os';
import path from 'node:path';
import type { Installation } from '../config/installation.ts';

/** What every command gets: the process as plain values, so that a command can be tested without one. */
export interface CliContext {
  readonly installation: Installation;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly isRoot: boolean;
  /** Per-user cache: prepared modules and images of `wasmlet run`. */
  readonly cacheDirectory: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** The process ends with this code once the command has returned. */
  exit(code: number): void;
}

export function createContext(installation: Installation): CliContext {
  const { env } = process;
  return {
    installation,
    environment: env,
    hostname: os.hostname(),
    isRoot: process.geteuid?.() === 0,
    cacheDirectory: path.join(env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'wasmlet'),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    exit(code) {
      process.exitCode = code;
    },
  };
}
