/** A real `wasmlet node` on a real control plane, a registry with guests beside it, and what tests ask of them. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import type { ContainerStatus, Node, Pod } from '../../core/api/kubernetes.ts';
import { ApiError } from '../cluster/api-client.ts';
import type { ApiClient, ApiObject } from '../cluster/api-client.ts';
import type { ClusterAccess } from '../cluster/cluster-access.ts';
import { preview1Guest, preview1Guests } from '../support/preview1-guests.ts';
import type { RegistryFake } from '../support/registry-fake/registry-fake.ts';
import { startRegistryFake } from '../support/registry-fake/registry-fake.ts';
import { eventually, startNode } from '../support/wasmlet-process.ts';
import type { NodeProcess } from '../support/wasmlet-process.ts';

export interface TestNodeOptions {
  /** Unique on the machine by what is appended to it. */
  readonly name: string;
  /** Fields of the NodeConfiguration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** The API server's address for the node, where it is not the cluster's own. */
  readonly server?: string;
}

/** What a test says of a pod; it is bound to the node and tolerates it. */
export interface PodWish {
  readonly name: string;
  /** A guest of `preview1Guests`, or a whole reference. */
  readonly image: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Merged into the container, which is called `main`. */
  readonly container?: Readonly<Record<string, unknown>>;
  /** Merged into the spec. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** What a watch showed of a pod's container, newest last: `Pending waiting ErrImagePull: text`, `Running running`. */
type History = Map<string, string[]>;

export class TestNode {
  readonly name: string;
  /** The pods' namespace, of this node alone. */
  readonly namespace: string;
  readonly directory: string;
  readonly registry: RegistryFake;
  /** As the administrator. */
  readonly api: ApiClient;
  /** By pod name. */
  readonly history: History = new Map();
  /** Times a restartCount was seen to fall. */
  readonly falls: string[] = [];
  readonly #options: TestNodeOptions;
  readonly #cluster: ClusterAccess;
  #process: NodeProcess | undefined;
  #unwatch: () => void = () => {};

  private constructor(cluster: ClusterAccess, options: TestNodeOptions, directory: string, registry: RegistryFake, api: ApiClient) {
    this.name = `${options.name}-${process.pid}`;
    this.namespace = this.name;
    this.directory = directory;
    this.registry = registry;
    this.api = api;
    this.#options = options;
    this.#cluster = cluster;
  }

  /** Ready when it resolves. */
  static async join(cluster: ClusterAccess, options: TestNodeOptions): Promise<TestNode> {
    const directory = await mkdtemp(path.join(tmpdir(), `wasmlet-${options.name}-`));
    const node = new TestNode(cluster, options, directory, await startRegistryFake(), await cluster.apiClient());
    try {
      await node.#join();
      return node;
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  get process(): NodeProcess {
    assert.ok(this.#process, 'the node has been started');
    return this.#process;
  }

  get rootDirectory(): string {
    return path.join(this.directory, 'root');
  }

  /** A directory for hostPath volumes. */
  get hostDirectory(): string {
    return path.join(this.directory, 'host');
  }

  /** Where all that the node keeps of a pod lies. */
  podDirectory(uid: string): string {
    return path.join(this.rootDirectory, 'pods', uid);
  }

  /** Starts the node's process (again). */
  start(): void {
    const user = path.join(this.directory, 'kubeconfig');
    this.#process = startNode({ directory: this.directory, name: this.name, args: ['--kubeconfig', user], configuration: { podLogsDir: path.join(this.directory, 'logs'), plugins: { 'image-oci': { stallTimeoutSeconds: 2 } }, ...this.#options.configuration } });
  }

  async untilReady(since = new Date(0)): Promise<void> {
    await eventually(`node ${this.name} is Ready\n${this.#process?.stderr().slice(-2000)}`, async () => {
      const node = (await this.find(`/api/v1/nodes/${this.name}`)) as Node | undefined;
      return node?.status?.conditions?.some(({ type, status, lastHeartbeatTime }) => type === 'Ready' && status === 'True' && new Date(lastHeartbeatTime ?? 0) >= since);
    }, 60);
  }

  /** Serves a module as an image of the registry; answers its reference. */
  addImage(repository: string, module: Uint8Array): string {
    this.registry.addImage(repository, { config: { mediaType: 'application/vnd.wasm.config.v0+json', bytes: Buffer.from('{"architecture":"wasm","os":"wasip1"}') }, layers: [{ mediaType: 'application/wasm', bytes: module }] });
    return `${this.registry.address}/${repository}:1`;
  }

  manifest({ name, image, annotations = {}, container = {}, spec = {} }: PodWish): ApiObject {
    const reference = (preview1Guests as readonly string[]).includes(image) ? `${this.registry.address}/${image}:1` : image;
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: this.namespace, annotations },
      spec: { nodeName: this.name, restartPolicy: 'Never', terminationGracePeriodSeconds: 5, tolerations: [{ operator: 'Exists' }], containers: [{ name: 'main', image: reference, ...container }], ...spec },
    };
  }

  async create(wish: PodWish): Promise<Pod> {
    return (await this.api.request('POST', `/api/v1/namespaces/${this.namespace}/pods`, this.manifest(wish))) as Pod;
  }

  /** A hostPath volume of `hostDirectory/<folder>` and its mount at /data, for `container` and `spec`. */
  async hostVolume(folder: string): Promise<{ readonly container: { readonly volumeMounts: readonly object[] }; readonly spec: { readonly volumes: readonly object[]; readonly automountServiceAccountToken: boolean }; readonly directory: string }> {
    const directory = path.join(this.hostDirectory, folder);
    await mkdir(directory, { recursive: true });
    return { directory, container: { volumeMounts: [{ name: 'data', mountPath: '/data' }] }, spec: { volumes: [{ name: 'data', hostPath: { path: directory } }], automountServiceAccountToken: false } };
  }

  async pod(name: string): Promise<Pod | undefined> {
    return (await this.find(`/api/v1/namespaces/${this.namespace}/pods/${name}`)) as Pod | undefined;
  }

  /** The status of a pod's container `main`. */
  async main(name: string): Promise<ContainerStatus | undefined> {
    return (await this.pod(name))?.status?.containerStatuses?.find((status) => status.name === 'main');
  }

  async untilRunning(name: string, seconds = 60): Promise<Pod> {
    await eventually(`pod ${name} runs; seen: ${(this.history.get(name) ?? []).join(' | ')}`, async () => (await this.main(name))?.state?.running !== undefined, seconds);
    return (await this.pod(name))!;
  }

  /** Resolves with the object's last known state when the watch has shown a state that matches. */
  async untilSeen(name: string, state: RegExp, seconds = 60): Promise<string> {
    try {
      return await eventually(`pod ${name} shows ${String(state)}`, () => this.history.get(name)?.find((entry) => state.test(entry)), seconds);
    } catch (error) {
      throw new Error(`pod ${name} never showed ${String(state)}, but: ${(this.history.get(name) ?? []).join(' | ') || 'nothing'}`, { cause: error });
    }
  }

  async untilEvent(name: string, event: RegExp, seconds = 30): Promise<string> {
    let all: string[] = [];
    try {
      return await eventually('the event', async () => {
        all = await this.events(name);
        return all.find((text) => event.test(text));
      }, seconds);
    } catch (error) {
      throw new Error(`no event ${String(event)} of pod ${name}, but: ${all.join(' | ') || 'nothing'}`, { cause: error });
    }
  }

  /** `Warning Failed: message`. */
  async events(name: string): Promise<string[]> {
    const { items } = await this.api.request('GET', `/api/v1/namespaces/${this.namespace}/events?fieldSelector=${encodeURIComponent(`involvedObject.name=${name}`)}`);
    return (items as { type: string; reason: string; message: string }[]).map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
  }

  async delete(name: string, options: object = {}): Promise<void> {
    await this.api.request('DELETE', `/api/v1/namespaces/${this.namespace}/pods/${name}`, { apiVersion: 'v1', kind: 'DeleteOptions', ...options });
  }

  async untilGone(name: string, uid: string, seconds = 60): Promise<void> {
    await eventually(`pod ${name} (${uid}) is gone`, async () => (await this.pod(name))?.metadata.uid !== uid, seconds);
  }

  /** The object at a path, or undefined where there is none. */
  async find(url: string): Promise<ApiObject> {
    try {
      return await this.api.request('GET', url);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Follows the namespace's pods; for as long as the API server is up. */
  async watch(): Promise<void> {
    const counts = new Map<string, number>();
    this.#unwatch = await this.api.watch(`/api/v1/namespaces/${this.namespace}/pods`, '', ({ type, object }) => {
      if (type === 'BOOKMARK') return;
      const { metadata, status } = object as Pod;
      const main = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].map((container) => describeState(container)).join('; ');
      const entries = this.history.get(metadata.name) ?? [];
      this.history.set(metadata.name, entries);
      const entry = type === 'DELETED' ? 'DELETED' : `${status?.phase} ${main}${status?.reason === undefined ? '' : ` (${status.reason}: ${status.message})`}`;
      if (entries.at(-1) !== entry) entries.push(entry);
      for (const { name, restartCount } of status?.containerStatuses ?? []) {
        const key = `${metadata.uid}/${name}`;
        const before = counts.get(key) ?? 0;
        if (restartCount < before) this.falls.push(`${metadata.name}/${name}: ${before} → ${restartCount}`);
        counts.set(key, restartCount);
      }
    });
  }

  /** Before the API server is stopped, whose end a watch does not survive. */
  unwatch(): void {
    this.#unwatch();
  }

  async #join(): Promise<void> {
    for (const guest of preview1Guests) this.addImage(guest, preview1Guest(guest));
    await mkdir(this.hostDirectory, { recursive: true });
    const user = { name: `system:node:${this.name}`, groups: ['system:nodes'] };
    const kubeconfig = await this.#cluster.writeKubeconfig(path.join(this.directory, 'kubeconfig'), user);
    if (this.#options.server !== undefined) await redirect(kubeconfig, this.#options.server);
    await this.api.request('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } });
    await eventually('the service account', async () => (await this.find(`/api/v1/namespaces/${this.namespace}/serviceaccounts/default`)) !== undefined);
    await this.watch();
    this.start();
    await this.untilReady();
  }

  /** Leaves nothing behind, on the cluster and on the disk. */
  async close(): Promise<void> {
    this.#unwatch();
    await this.#process?.stop();
    for (const url of [`/api/v1/nodes/${this.name}`, `/api/v1/namespaces/${this.namespace}`]) {
      await this.api.request('DELETE', url).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      });
    }
    // Nobody is left to end them.
    const { items } = await this.api.request('GET', `/api/v1/namespaces/${this.namespace}/pods`);
    for (const { metadata } of items as Pod[]) await this.delete(metadata.name, { gracePeriodSeconds: 0 }).catch(() => undefined);
    this.api.close();
    await this.registry.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function describeState({ state, lastState, restartCount }: ContainerStatus): string {
  const one = (what: ContainerStatus['state']): string => {
    if (what?.waiting) return `waiting ${what.waiting.reason}: ${what.waiting.message ?? ''}`;
    if (what?.terminated) return `terminated ${what.terminated.reason} ${what.terminated.exitCode}: ${what.terminated.message ?? ''}`;
    return what?.running ? 'running' : '';
  };
  const last = one(lastState);
  return `${one(state)}${last && ` after ${last}`}${restartCount > 0 ? ` #${restartCount}` : ''}`;
}

async function redirect(kubeconfig: string, server: string): Promise<void> {
  const document = JSON.parse(await readFile(kubeconfig, 'utf8')) as { clusters: { cluster: { server: string } }[] };
  document.clusters[0]!.cluster.server = server;
  await writeFile(kubeconfig, stringify(document), { mode: 0o600 });
}
