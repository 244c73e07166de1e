/** What the end-to-end tests of pods stand on: a cluster, a joined node, a namespace, pushed images. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Container, Node, Pod } from '../../core/api/kubernetes.ts';
import type { ClusterAccess } from '../cluster/cluster-access.ts';
import { eventually, repository, startNode, wasmlet } from '../support/wasmlet-process.ts';
import type { NodeProcess } from '../support/wasmlet-process.ts';
import { acquireCluster } from './cluster.ts';
import type { TestCluster } from './cluster.ts';

/** What every Krustlet manifest carried. */
export const tolerations = ['NoSchedule', 'NoExecute'].map((effect) => ({ key: 'kubernetes.io/arch', operator: 'Equal', value: 'wasm32-wasi', effect }));

const programs = {
  hello: path.join(repository, 'examples', 'hello', 'hello.wasm'),
  wasmerciser: path.join(repository, 'test', 'fixtures', 'wasmerciser', 'wasmerciser.wasm'),
};

export interface BedOptions {
  /** Prefix of the node's and the namespace's name, which both carry the process id too. */
  readonly name: string;
  /** Without one the run's shared cluster is used. */
  readonly cluster?: ClusterAccess;
  /** Fields of the NodeConfiguration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** A pod in short form: the node selector, tolerations and image are filled in. */
export type ShortContainer = Omit<Container, 'image'> & { readonly image?: string };

export interface ShortPod {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec: Omit<Partial<Pod['spec']>, 'containers' | 'initContainers'> & { readonly containers: readonly ShortContainer[]; readonly initContainers?: readonly ShortContainer[] };
}

/** Owns a joined node and a namespace; {@link close} leaves nothing behind in a shared cluster. */
export class NodeBed {
  readonly name: string;
  readonly namespace: string;
  /** For hostPath volumes and other files; removed at the end. */
  readonly directory: string;
  readonly cluster: ClusterAccess;
  readonly #release: () => Promise<void>;
  readonly #configuration: Readonly<Record<string, unknown>>;
  #node!: NodeProcess;

  private constructor(options: BedOptions, { cluster, release }: TestCluster) {
    this.name = this.namespace = `${options.name}-${process.pid}`;
    this.directory = mkdtempSync(path.join(os.tmpdir(), `wasmlet-${options.name}-`));
    this.cluster = cluster;
    this.#release = release;
    this.#configuration = options.configuration ?? {};
  }

  static async open(options: BedOptions): Promise<NodeBed> {
    const shared = options.cluster ? { cluster: options.cluster, release: () => Promise.resolve() } : await acquireCluster();
    const bed = new NodeBed(options, shared);
    try {
      await bed.#prepare();
      return bed;
    } catch (error) {
      const log = bed.#node?.stderr() ?? '';
      await bed.close();
      throw new Error(`the node did not join\n${log}`, { cause: error });
    }
  }

  get node(): NodeProcess {
    return this.#node;
  }

  /** Reference of a program in the cluster's registry. */
  image(program: keyof typeof programs): string {
    return `${this.cluster.registry!.address}/${this.name}/${program}:1`;
  }

  /** Pushes one more program into the cluster's registry; answers its reference. */
  async push(name: string, program: string | Uint8Array): Promise<string> {
    const file = typeof program === 'string' ? program : path.join(this.directory, `${name}.wasm`);
    if (typeof program !== 'string') writeFileSync(file, program);
    const reference = `${this.cluster.registry!.address}/${this.name}/${name}:1`;
    const { code, stderr } = await wasmlet(['push', file, reference]);
    assert.equal(code, 0, stderr);
    return reference;
  }

  /** Starts the node (again, after its end). It joins by the bootstrap kubeconfig the first time. */
  start(): void {
    const kubeconfig = path.join(this.directory, 'node', 'kubeconfig');
    this.#node = startNode({
      directory: path.join(this.directory, 'node'),
      name: this.name,
      args: ['--bootstrap-kubeconfig', path.join(this.directory, 'bootstrap'), '--kubeconfig', kubeconfig],
      configuration: this.#configuration,
    });
  }

  async kubectl(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.cluster.kubectl(['-n', this.namespace, ...args], input === undefined ? {} : { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async get<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl(['get', ...args, '-o', 'json'])) as T;
  }

  async create(object: object): Promise<void> {
    await this.kubectl(['create', '-f', '-'], JSON.stringify(object));
  }

  /** The spec of a pod on this node alone. */
  spec({ containers, initContainers, ...rest }: ShortPod['spec']): object {
    const filled = (all: readonly ShortContainer[]): readonly object[] => all.map((container) => ({ image: this.image('wasmerciser'), ...container }));
    return {
      nodeSelector: { 'kubernetes.io/arch': 'wasm32-wasi', 'kubernetes.io/hostname': this.name },
      tolerations,
      restartPolicy: 'Never',
      ...rest,
      containers: filled(containers),
      ...(initContainers && { initContainers: filled(initContainers) }),
    };
  }

  async createPod(name: string, { annotations, spec }: ShortPod): Promise<void> {
    await this.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, annotations }, spec: this.spec(spec) });
  }

  pod(name: string): Promise<Pod> {
    return this.get<Pod>('pod', name);
  }

  /** Waits until the pod satisfies `check`; a failure tells the last status and the end of the node's log. */
  async podThat(name: string, what: string, check: (pod: Pod) => boolean | undefined, seconds = 60): Promise<Pod> {
    let last: Pod | undefined;
    return eventually(`pod ${name} ${what}`, async () => {
      last = await this.pod(name);
      return check(last) ? last : undefined;
    }, seconds).catch((error: Error) => assert.fail(`${error.message}\n${JSON.stringify(last?.status, null, 1)}\n${this.#node.stderr().slice(-4000)}`));
  }

  /** Waits for the pod's end, which must be in `phase`. */
  async ended(name: string, phase: 'Succeeded' | 'Failed' = 'Succeeded'): Promise<Pod> {
    const pod = await this.podThat(name, 'has ended', ({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');
    assert.equal(pod.status?.phase, phase, JSON.stringify(pod.status, null, 1));
    return pod;
  }

  logs(pod: string, ...args: string[]): Promise<string> {
    return this.kubectl(['logs', pod, ...args]);
  }

  async nodeReady(): Promise<Node> {
    return eventually(`node ${this.name} is Ready`, async () => {
      const node = await this.get<Node>('node', this.name);
      return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ? node : undefined;
    }, 60);
  }

  async close(): Promise<void> {
    await this.cluster.kubectl(['delete', 'namespace', this.namespace, '--ignore-not-found', '--wait=false']);
    // While somebody can still end them; what else the namespace holds goes without us.
    await this.cluster.kubectl(['-n', this.namespace, 'wait', '--for=delete', 'pods', '--all', '--timeout=40s']);
    await this.#node?.stop();
    await this.cluster.kubectl(['delete', 'node', this.name, '--ignore-not-found']);
    await this.#release();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const bootstrap = await wasmlet(['bootstrap', '--kubeconfig', this.cluster.kubeconfig, '--out', path.join(this.directory, 'bootstrap')]);
    assert.equal(bootstrap.code, 0, bootstrap.stderr);
    this.start();
    await this.kubectl(['create', 'namespace', this.namespace]);
    for (const program of ['hello', 'wasmerciser'] as const) await this.push(program, programs[program]);
    await this.nodeReady();
    await eventually('the service account', () => this.kubectl(['get', 'serviceaccount', 'default']));
  }
}
