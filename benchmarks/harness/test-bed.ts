import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import wabt from 'wabt';
import { type ApiClient, ApiError } from '../../test/cluster/api-client.ts';
import { findBinaries } from '../../test/cluster/build.ts';
import { type ControlPlane, startControlPlane } from '../../test/cluster/control-plane.ts';
import { type BenchmarkNode, type NodeKind, type NodeOptions, startNode } from './nodes.ts';
import { type Images, namespace } from './pods.ts';
import { PodWatch } from './pod-watch.ts';
import { buildRelease, type Release } from './release.ts';

/** What a suite measures on: a control plane with a registry, and nodes as it wants them. */
export interface TestBed {
  readonly client: ApiClient;
  readonly watch: PodWatch;
  readonly images: Images;
  /** The kinds of nodes to measure, in order; `null` is among them. */
  readonly kinds: readonly NodeKind[];
  readonly kubernetesVersion: string;
  /** Of wasmlet; `none` when only the null node is measured. */
  readonly wasmletVersion: string;
  readonly progress: (line: string) => void;
  startNode(kind: NodeKind, options?: Omit<NodeOptions, 'profile'>): Promise<BenchmarkNode>;
}

/** @throws Error when the machine cannot have a control plane, or the release does not build */
export async function withTestBed<T>(
  options: { readonly nullOnly: boolean; readonly profile?: string | undefined; readonly progress: (line: string) => void },
  work: (bed: TestBed) => Promise<T>,
): Promise<T> {
  const { progress } = options;
  const found = await findBinaries(progress);
  if ('unavailable' in found) throw new Error(found.unavailable);
  const directory = await mkdtemp(join(tmpdir(), 'wasmlet-bench-'));
  let cluster: ControlPlane | undefined;
  try {
    if (!options.nullOnly) progress('building the release bundle');
    const release = options.nullOnly ? undefined : await buildRelease(join(directory, 'release'));
    progress('starting the control plane');
    cluster = await startControlPlane({ binaries: found.binaries });
    const client = await cluster.apiClient(undefined, 64);
    await createNamespace(client);
    const images = await pushImages(directory, cluster, release);
    const watch = await PodWatch.start(client, namespace);
    const { gitVersion } = await client.request('GET', '/version');
    const running = cluster;
    try {
      return await work({
        client,
        watch,
        images,
        kinds: release ? ['null', 'wasmlet'] : ['null'],
        kubernetesVersion: gitVersion,
        wasmletVersion: release?.version ?? 'none',
        progress,
        startNode: (kind, nodeOptions) => startNode(kind, running, directory, release, { ...nodeOptions, profile: options.profile && join(options.profile, kind) }),
      });
    } finally {
      watch.stop();
      client.close();
    }
  } finally {
    await cluster?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function createNamespace(client: ApiClient): Promise<void> {
  await client.request('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      await client.request('GET', path);
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || attempt === 200) throw error;
      await sleep(50);
    }
  }
}

/** Assembles benchmarks/modules and pushes them; the null node needs names only. */
async function pushImages(directory: string, cluster: ControlPlane, release: Release | undefined): Promise<Images> {
  if (!release) return { sleep: 'registry.example/sleep:1', exit: 'registry.example/exit:1' };
  if (!cluster.registry) throw new Error('KUBEBUILDER_ASSETS has no registry; unset it to build one');
  const assembler = await wabt();
  const push = async (name: string): Promise<string> => {
    const source = join(import.meta.dirname, '..', 'modules', `${name}.wat`);
    const binary = join(directory, `${name}.wasm`);
    const module = assembler.parseWat(source, await readFile(source, 'utf8'));
    await writeFile(binary, module.toBinary({}).buffer);
    module.destroy();
    const reference = `${cluster.registry!.address}/benchmark/${name}:1`;
    await release.command('push', binary, reference);
    return reference;
  };
  return { sleep: await push('sleep'), exit: await push('exit') };
}
