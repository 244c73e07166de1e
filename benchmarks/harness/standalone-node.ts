import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalClient } from '../../core/server/local-client.ts';
import type { Release } from './release.ts';

/** A node of the release bundle without a cluster, and its local port. */
export interface StandaloneNode {
  readonly pid: number;
  readonly client: LocalClient;
  /** Makes these pods, and no others, the wanted ones: one file, which appears at once. */
  want(pods: readonly object[]): Promise<void>;
  /** Resolves when the process has ended. */
  stop(): Promise<void>;
}

export interface StandaloneNodeOptions {
  readonly release: Release;
  /** Exists. */
  readonly directory: string;
  /** Of a NodeConfiguration. */
  readonly configuration: object;
}

const startDeadline = 30_000;

/** @throws Error with its log when the node does not come up */
export async function startStandaloneNode({ release, directory, configuration }: StandaloneNodeOptions): Promise<StandaloneNode> {
  const [manifests, root, config] = ['manifests', 'root', 'config.json'].map((name) => join(directory, name)) as [string, string, string];
  await mkdir(manifests);
  await writeFile(config, JSON.stringify({ apiVersion: 'wasmlet.dev/v1alpha1', kind: 'NodeConfiguration', ...configuration }));
  const logPath = join(directory, 'node.log');
  const log = await open(logPath, 'w');
  const child = spawn(process.execPath, [release.executable, 'node', '--standalone', '--manifests', manifests, '--root-dir', root, '--node-name', 'bench', '--config', config], {
    env: { ...process.env, ...release.environment },
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const stop = (): Promise<void> => end(child);
  try {
    const client = await findNode(child, root, logPath);
    const want = async (pods: readonly object[]): Promise<void> => {
      const partial = join(manifests, '.pods.json');
      await writeFile(partial, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }));
      await rename(partial, join(manifests, 'pods.json'));
    };
    return { pid: child.pid!, client, want, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function findNode(child: ChildProcess, root: string, log: string): Promise<LocalClient> {
  const deadline = performance.now() + startDeadline;
  for (;;) {
    const client = await LocalClient.find(root).catch(() => undefined);
    if (client !== undefined) return client;
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`the node did not come up:\n${await readFile(log, 'utf8')}`);
    await sleep(20);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
