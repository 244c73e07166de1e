/** wasmlet as a process of its own, as a user starts it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';

export const repository = path.dirname(path.dirname(import.meta.dirname));
export const executable = path.join(repository, 'bin', 'wasmlet.js');

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly executable?: string;
}

/** Runs one command to its end. */
export async function wasmlet(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = spawn(process.execPath, [options.executable ?? executable, ...args], { cwd: options.cwd ?? repository, env: { ...process.env, ...options.env }, stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  child.stdin.on('error', () => {}); // A command that does not read its input may end first.
  child.stdin.end(options.input ?? '');
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code === null) throw new Error(`wasmlet ${args.join(' ')} was ended by ${signal}\n${stderr}`);
  return { code, stdout, stderr };
}

export interface NodeOptions {
  /** The node's own directory: configuration, root directory and log go below it. */
  readonly directory: string;
  readonly name: string;
  readonly args?: readonly string[];
  /** Fields of the NodeConfiguration beside what a test node always has (free ports, loopback). */
  readonly configuration?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly executable?: string;
  /** A command that becomes the node (`prlimit …`): its arguments end with the node's. */
  readonly within?: readonly string[];
}

export interface NodeProcess {
  readonly name: string;
  readonly pid: number;
  readonly rootDirectory: string;
  /** All that the node has written so far. */
  stdout(): string;
  stderr(): string;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL: the node gets no chance. */
  kill(): Promise<void>;
  /** Resolves when the process has ended by itself. */
  readonly exited: Promise<number | null>;
}

/** Starts `wasmlet node`. The caller waits for what it needs (Ready, a log line) by itself. */
export function startNode(options: NodeOptions): NodeProcess {
  mkdirSync(options.directory, { recursive: true });
  const rootDirectory = path.join(options.directory, 'root');
  const file = path.join(options.directory, 'config.yaml');
  writeFileSync(file, stringify({
    apiVersion: 'wasmlet.dev/v1alpha1',
    kind: 'NodeConfiguration',
    nodeName: options.name,
    hostname: options.name,
    nodeIP: '127.0.0.1',
    address: '127.0.0.1',
    port: 0,
    healthzPort: 0,
    rootDir: rootDirectory,
    ...options.configuration,
  }));
  const [command, ...args] = [...(options.within ?? []), process.execPath, options.executable ?? executable, 'node', '--config', file, ...(options.args ?? [])];
  const child: ChildProcess = spawn(command!, args, { cwd: options.directory, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code));
  });
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return exited;
  };
  // A test that dies must not leave its node behind.
  const onExit = () => void child.kill('SIGKILL');
  process.once('exit', onExit);
  void exited.finally(() => process.removeListener('exit', onExit));
  return {
    name: options.name,
    pid: child.pid!,
    rootDirectory,
    stdout: () => stdout,
    stderr: () => stderr,
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    exited,
  };
}

/** Asks until `check` answers something other than undefined or false, at most `seconds`; then fails with `what`. */
export async function eventually<T>(what: string, check: () => T | undefined | false | Promise<T | undefined | false>, seconds = 30): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await check();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${seconds} s: ${what}${last instanceof Error ? ` (${last.message})` : ''}`);
}
