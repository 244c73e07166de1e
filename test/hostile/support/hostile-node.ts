/** A whole node in a process of its own, an API server and a registry beside it, a victim on it, and what is asked of it after an attack. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { ContainerStatus, Pod } from '../../../core/api/kubernetes.ts';
import { readPreamble } from '../../../core/wasm/binary/preamble.ts';
import { componentOf } from '../../integration/jco/component-bed.ts';
import { startApiFake } from '../../support/api-fake/api-fake.ts';
import type { ApiFake } from '../../support/api-fake/api-fake.ts';
import { startRegistryFake } from '../../support/registry-fake/registry-fake.ts';
import type { RegistryFake } from '../../support/registry-fake/registry-fake.ts';
import { eventually, startNode } from '../../support/wasmlet-process.ts';
import type { NodeProcess } from '../../support/wasmlet-process.ts';
import { harmless, victim } from './guests.ts';
import { LeaseRecorder, readProcess } from './node-recorder.ts';
import { nameOf, runtimeClasses } from './runtime-classes.ts';
import type { RuntimeClass } from './runtime-classes.ts';

/** A directory of the host in the guest. */
export interface HostMount {
  readonly mountPath: string;
  readonly hostPath: string;
  readonly readOnly?: boolean;
}

export interface AttackOptions {
  /** The program, a core module, of which a component is made for a runtime that takes components; or such a component. */
  readonly module: Uint8Array;
  readonly args?: readonly string[];
  readonly mounts?: readonly HostMount[];
  readonly memory?: string;
  /** Merged into the container and into the spec. */
  readonly container?: object;
  readonly spec?: object;
  /** Deleted this many milliseconds after it was seen to run; absent: it ends by itself. */
  readonly stopAfter?: number;
  /** It never gets to run: `stopAfter` counts from its creation. */
  readonly neverRuns?: boolean;
  /** For the whole attack. Default 60. */
  readonly seconds?: number;
}

/** How an attack ended. */
export interface Outcome {
  /** Of the container. */
  readonly reason: string;
  readonly code: number;
  readonly message: string;
  readonly podReason: string;
  /** Stdout, line by line. */
  readonly lines: readonly string[];
  /** From the deletion to the object's end, where it was deleted. */
  readonly stopMilliseconds?: number;
  /** Largest resident memory of the node meanwhile, above what it was. */
  readonly peakBytes: number;
}

/** What a node may keep of an attack: V8's pages of its largest number of threads, caches, and on a shared thread the memory of guests that V8 has not collected yet. */
const toleratedBytes = 320 * 1024 ** 2;
/** The node keeps threads of guests that left nothing behind ready for the next ones, for a while. */
const toleratedThreads = 8;
/** Scheduling on a machine that does something else as well is none of the node's doing. */
const toleratedGap = 5_000;
/** The lease must be renewed that often, in milliseconds. */
const longestLeaseGap = 15_000;

export class HostileNode {
  readonly directory: string;
  readonly fake: ApiFake;
  readonly registry: RegistryFake;
  readonly #leases: LeaseRecorder;
  readonly #images = new Map<string, string>();
  #started: NodeProcess | undefined;
  #pods = 0;

  private constructor(directory: string, fake: ApiFake, registry: RegistryFake) {
    this.directory = directory;
    this.fake = fake;
    this.registry = registry;
    this.#leases = new LeaseRecorder(fake);
  }

  /** Ready, with a victim that ticks, and warm: one harmless pod of every runtime and class has run. `within`: the command that becomes the node. */
  static async start(configuration: object = {}, within: readonly string[] = []): Promise<HostileNode> {
    const fake = await startApiFake({ nodeName: 'hostile' });
    const node = new HostileNode(await mkdtemp(path.join(tmpdir(), 'wasmlet-hostile-')), fake, await startRegistryFake());
    try {
      await node.#start(configuration, within);
      return node;
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  get #process(): NodeProcess {
    assert.ok(this.#started, 'the node has been started');
    return this.#started;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get rootDirectory(): string {
    return this.#process.rootDirectory;
  }

  /** A new directory on the host. */
  async hostDirectory(name: string): Promise<string> {
    const directory = path.join(this.directory, 'host', name);
    await mkdir(directory, { recursive: true });
    return directory;
  }

  /** Pods that the node offers the scheduler. */
  offered(): number {
    const status = this.fake.objects.get('nodes', undefined, 'hostile')?.['status'] as { allocatable?: { pods?: string } } | undefined;
    return Number(status?.allocatable?.pods);
  }

  /** The object of a pod, while there is one. */
  pod(name: string): Pod | undefined {
    return this.fake.objects.get('pods', 'default', name) as Pod | undefined;
  }

  /** Starts a program as a pod; answers the pod's name. */
  async create(target: RuntimeClass, options: AttackOptions): Promise<string> {
    const { args = [], mounts = [], memory, container = {}, spec = {} } = options;
    const name = `attack-${this.#pods++}`;
    const image = await this.#imageOf(options.module, target.kind);
    this.fake.create('pods', {
      metadata: { name, annotations: { 'wasmlet.dev/runtime': target.runtime, 'wasmlet.dev/isolation': target.isolation } },
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 30,
        automountServiceAccountToken: false,
        tolerations: [{ operator: 'Exists' }],
        volumes: mounts.map(({ hostPath }, index) => ({ name: `v${index}`, hostPath: { path: hostPath } })),
        containers: [{
          name: 'main',
          image,
          args,
          volumeMounts: mounts.map(({ mountPath, readOnly = false }, index) => ({ name: `v${index}`, mountPath, readOnly })),
          ...(memory === undefined ? {} : { resources: { limits: { memory } } }),
          ...container,
        }],
        ...spec,
      },
    });
    return name;
  }

  /** Runs a program as a pod to its end. */
  async attack(target: RuntimeClass, options: AttackOptions): Promise<Outcome> {
    const { stopAfter, neverRuns = false, seconds = 60 } = options;
    const before = readProcess(this.pid).residentBytes;
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, readProcess(this.pid).residentBytes)), 20);
    try {
      const name = await this.create(target, options);
      let stopMilliseconds: number | undefined;
      if (stopAfter !== undefined) {
        if (!neverRuns) await eventually(`${name} runs`, () => this.#status(name)?.state?.running !== undefined || this.#ended(name) !== undefined, seconds);
        await new Promise((resolve) => setTimeout(resolve, stopAfter));
        const from = performance.now();
        this.fake.delete('pods', 'default', name);
        await eventually(`${name} is gone`, () => this.pod(name) === undefined, seconds);
        stopMilliseconds = performance.now() - from;
        return { reason: 'Deleted', code: -1, message: '', podReason: '', lines: [], stopMilliseconds, peakBytes: peak - before };
      }
      const ended = await eventually('the end', () => this.#ended(name), seconds).catch(() => assert.fail(`${name} did not end: ${this.#describe(name)}`));
      const lines = await this.log(name);
      const podReason = (this.pod(name)?.status)?.reason ?? '';
      this.fake.delete('pods', 'default', name);
      await eventually(`${name} is gone`, () => this.pod(name) === undefined, seconds);
      return { ...ended, podReason, lines, peakBytes: peak - before };
    } finally {
      clearInterval(watch);
    }
  }

  /** Stdout of a pod's container, line by line. */
  async log(name: string): Promise<readonly string[]> {
    const { namespace = 'default', uid } = this.pod(name)!.metadata;
    const file = path.join(this.directory, 'logs', `${namespace}_${name}_${uid}`, 'main', '0.log');
    const text = await readFile(file, 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line.includes(' stdout ')).map((line) => line.replace(/^\S+ stdout [FP] /, ''));
  }

  /**
   * Does something and asserts that the node is as before: its process, threads, memory and descriptors, its condition, its
   * lease, and the victim, which has gone on ticking. What it measured becomes diagnostics.
   */
  async unharmed<Result>(t: TestContext, act: () => Promise<Result>): Promise<Result> {
    const before = readProcess(this.pid);
    const ticksBefore = (await this.#ticks()).length;
    const result = await act();
    let after = before;
    await eventually('threads, descriptors and memory as before', () => {
      after = readProcess(this.pid);
      const more = Math.max(0, after.threads - before.threads);
      // What a guest held on a shared thread is V8's to collect, not at once.
      return after.residentBytes - before.residentBytes <= toleratedBytes && more <= toleratedThreads && after.descriptors <= before.descriptors;
    }, 20).catch(() => assert.fail(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`));
    const grown = after.residentBytes - before.residentBytes;
    const ticks = (await this.#ticks()).slice(Math.max(0, ticksBefore - 1));
    const gaps = ticks.slice(1).map((tick, at) => Number(tick - ticks[at]!) / 1e6).sort((left, right) => left - right);
    const longest = gaps.at(-1) ?? Infinity;
    t.diagnostic(`memory ${(grown / 1024 ** 2).toFixed(0)} MiB; victim's gaps p50 ${gaps[gaps.length >> 1]?.toFixed(1)} ms, p99 ${gaps[Math.floor(gaps.length * 0.99)]?.toFixed(1)} ms, longest ${longest.toFixed(0)} ms; lease ${(this.#leases.longestGap() / 1000).toFixed(1)} s`);
    assert.ok(grown <= toleratedBytes, `the node has ${grown} bytes more`);
    assert.ok(longest <= toleratedGap, `the victim stood still for ${longest} ms`);
    assert.ok(this.#leases.longestGap() <= longestLeaseGap, `the lease was not renewed for ${this.#leases.longestGap()} ms`);
    assert.equal(this.#ready(), 'True');
    return result;
  }

  async close(): Promise<void> {
    this.#leases.stop();
    const code = await this.#started?.stop();
    await this.fake.stop();
    await this.registry.stop();
    await rm(this.directory, { recursive: true, force: true });
    if (code !== undefined) assert.equal(code, 0, this.#process.stderr().slice(-2000));
  }

  async #start(configuration: object, within: readonly string[]): Promise<void> {
    const runtimes = [...new Set(runtimeClasses.map(({ runtime }) => runtime))];
    this.#started = startNode({
      directory: this.directory,
      name: 'hostile',
      args: ['--kubeconfig', this.fake.kubeconfigPath],
      within,
      configuration: { podLogsDir: path.join(this.directory, 'logs'), runtimes: { allowed: runtimes }, ...configuration },
    });
    await eventually(`the node is ready\n${this.#process.stderr().slice(-2000)}`, () => this.#ready() === 'True');
    const hostPath = await this.hostDirectory('victim');
    const name = await this.create(runtimeClasses.find(({ runtime, isolation }) => runtime === 'wasi' && isolation === 'dedicated')!, { module: victim, mounts: [{ mountPath: '/data', hostPath }] });
    await eventually(`the victim ticks: ${this.#describe(name)}`, async () => (await this.#ticks()).length > 10);
    for (const target of runtimeClasses) {
      const outcome = await this.attack(target, { module: harmless });
      assert.equal(outcome.code, 0, `a harmless guest on ${nameOf(target)}: ${JSON.stringify(outcome)}`);
    }
    await settled(this.pid);
  }

  #ready(): string | undefined {
    const status = this.fake.objects.get('nodes', undefined, 'hostile')?.['status'] as { conditions?: { type: string; status: string }[] } | undefined;
    return status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  }

  #status(name: string): ContainerStatus | undefined {
    return this.pod(name)?.status?.containerStatuses?.[0];
  }

  /** The container's end; or a refusal, which is none that is retried here: reason and text of what it waits for. */
  #ended(name: string): { readonly reason: string; readonly code: number; readonly message: string } | undefined {
    const { terminated, waiting } = this.#status(name)?.state ?? {};
    if (terminated) return { reason: terminated.reason ?? '', code: terminated.exitCode, message: terminated.message ?? '' };
    if (waiting?.reason && /^(CreateContainerConfigError|RunContainerError|InvalidImageName|ErrImagePull|ImagePullBackOff)$/.test(waiting.reason)) return { reason: waiting.reason, code: -1, message: waiting.message ?? '' };
    return undefined;
  }

  #describe(name: string): string {
    return `${JSON.stringify(this.pod(name)?.status)}\n${this.#process.stderr().slice(-2000)}`;
  }

  async #ticks(): Promise<readonly bigint[]> {
    const bytes = await readFile(path.join(this.directory, 'host', 'victim', 'ticks')).catch(() => Buffer.alloc(0));
    return Array.from({ length: Math.floor(bytes.length / 8) }, (_, index) => bytes.readBigUInt64LE(index * 8));
  }

  /** The image's reference. Content of an image is known by its digest: the same program is prepared once. */
  async #imageOf(module: Uint8Array, kind: RuntimeClass['kind']): Promise<string> {
    const repository = `${kind}-${createHash('sha256').update(module).digest('hex').slice(0, 16)}`;
    let reference = this.#images.get(repository);
    if (reference === undefined) {
      const bytes = kind === 'module' || readPreamble(module) === 'component' ? module : await componentOf(module);
      const config = { mediaType: 'application/vnd.wasm.config.v0+json', bytes: Buffer.from('{"architecture":"wasm","os":"wasip1"}') };
      this.registry.addImage(repository, { config, layers: [{ mediaType: 'application/wasm', bytes }] });
      reference = `${this.registry.address}/${repository}:1`;
      this.#images.set(repository, reference);
    }
    return reference;
  }
}

/** Resolves when the number of threads has stood still for a second: warm ones have been made, compiling is over. */
async function settled(pid: number): Promise<void> {
  let last = -1;
  let since = performance.now();
  await eventually('the threads to stand still', () => {
    const { threads } = readProcess(pid);
    if (threads !== last) [last, since] = [threads, performance.now()];
    return performance.now() - since > 1_000;
  });
}
