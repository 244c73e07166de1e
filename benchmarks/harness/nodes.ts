import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterAccess, User } from '../../test/cluster/cluster-access.ts';
import { ProcessGroup } from '../../test/cluster/process-group.ts';
import type { NullNodeConnection } from './null-node.ts';
import type { LoopDelay } from './loop-delay-probe.ts';
import type { Release } from './release.ts';

export type NodeKind = 'null' | 'wasmlet';

/** A node under test, joined and Ready. */
export interface BenchmarkNode {
  readonly kind: NodeKind;
  /** Its Node object. */
  readonly name: string;
  /** The root of its process tree. */
  readonly pid: number;
  /** From the start of the process until a watch sees the Node Ready. */
  readonly readyMilliseconds: number;
  stop(): Promise<void>;
  /** What the main loop was held until now does not count. */
  forgetLoopDelay(): void;
  /** How long the main loop was held, once the node has stopped; undefined when it was not asked for. */
  loopDelay(): Promise<LoopDelay | undefined>;
}

export interface NodeOptions {
  /** Pods that it takes (default: wasmlet's own default). The null node takes any number. */
  readonly maxPods?: number;
  /** Watch its main loop, which keeps the node from being idle. */
  readonly loopDelay?: boolean;
  /** Where V8's CPU profile goes when the node ends. */
  readonly profile?: string | undefined;
}

let count = 0;

/**
 * Starts a node with a node identity of its own and waits until it is Ready.
 *
 * @param directory for its files; exists
 * @param release what to run; needed for kind `wasmlet`
 * @throws Error with the end of its log when it ends before, or takes more than a minute
 */
export async function startNode(
  kind: NodeKind,
  cluster: ClusterAccess,
  directory: string,
  release: Release | undefined,
  options: NodeOptions = {},
): Promise<BenchmarkNode> {
  count += 1;
  const name = `${kind}-${count}`;
  const command = kind === 'null' ? await nullCommand(name, cluster, directory) : await wasmletCommand(name, cluster, directory, release, options);
  const delayFile = join(directory, `${name}.delay.json`);
  const admin = await cluster.apiClient();
  const processes = new ProcessGroup({ logs: directory });
  let readyAt: number | undefined;
  const endWatch = await admin.watch('/api/v1/nodes', `fieldSelector=metadata.name%3D${name}`, ({ object }, at) => {
    const conditions: { type: string; status: string }[] = object.status?.conditions ?? [];
    if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) readyAt ??= at;
  });
  try {
    const started = performance.now();
    await processes.start(name, process.execPath, [...nodeFlags(options), ...command], {
      ...release?.environment,
      ...(options.loopDelay && { WASMLET_BENCH_LOOP_DELAY: delayFile }),
    });
    await processes.untilReady(name, async () => readyAt !== undefined);
    const stop = async (): Promise<void> => {
      await processes.end(name, 30_000);
      await processes.stop();
      await admin.request('DELETE', `/api/v1/nodes/${name}`);
      admin.close();
    };
    const pid = processes.pids[name]!;
    return {
      kind,
      name,
      pid,
      readyMilliseconds: readyAt! - started,
      stop,
      forgetLoopDelay: () => void (options.loopDelay && process.kill(pid, 'SIGUSR2')),
      // A null node is killed where it stands and leaves none.
      loopDelay: async () => (existsSync(delayFile) ? (JSON.parse(await readFile(delayFile, 'utf8')) as LoopDelay) : undefined),
    };
  } catch (error) {
    await processes.stop();
    throw error;
  } finally {
    endWatch();
  }
}

async function nullCommand(name: string, cluster: ClusterAccess, directory: string): Promise<string[]> {
  const connection: NullNodeConnection = {
    name,
    url: cluster.url,
    authority: await readFile(join(cluster.pki, 'ca.crt'), 'utf8'),
    identity: await cluster.issueClientCertificate(nodeUser(name)),
  };
  const path = join(directory, `${name}.json`);
  await writeFile(path, JSON.stringify(connection), { mode: 0o600 });
  return [join(import.meta.dirname, 'null-node.ts'), path];
}

async function wasmletCommand(name: string, cluster: ClusterAccess, directory: string, release: Release | undefined, options: NodeOptions): Promise<string[]> {
  if (!release) throw new Error('a wasmlet node needs a release');
  const kubeconfig = await cluster.writeKubeconfig(join(directory, `${name}.kubeconfig`), nodeUser(name));
  return [
    release.executable,
    'node',
    ...['--kubeconfig', kubeconfig],
    ...['--node-name', name],
    ...['--node-ip', '127.0.0.1'],
    ...['--root-dir', join(directory, name)],
    ...['--port', '0'],
    ...['--healthz-port', '0'],
    ...(options.maxPods === undefined ? [] : ['--max-pods', String(options.maxPods)]),
  ];
}

function nodeFlags({ loopDelay, profile }: NodeOptions): string[] {
  return [
    ...(loopDelay ? ['--import', join(import.meta.dirname, 'loop-delay-probe.ts')] : []),
    ...(profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile]),
  ];
}

function nodeUser(name: string): User {
  return { name: `system:node:${name}`, groups: ['system:nodes'] };
}
