import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeWhile } from 'rxjs';
import type { Mount } from '../../../core/api/engine.ts';
import type { Node, Pod } from '../../../core/api/kubernetes.ts';
import type { Logger } from '../../../core/api/logger.ts';
import type { RegisteredRuntime, RuntimeManifest } from '../../../core/api/runtime.ts';
import { Kubelet, type KubeletOptions } from '../../../core/kubelet/pods/kubelet.ts';
import type { PodSpine } from '../../../core/kubelet/kubelet.ts';
import { podSpine } from '../../../core/pipeline/pod-spine.ts';
import type { VolumeManager } from '../../../core/volume/volume-manager.ts';
import { FakeApi } from './fake-api.ts';
import { FakeEngine } from './fake-engine.ts';
import { FakeImages } from './fake-images.ts';
import { VirtualClock } from './virtual-clock.ts';

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLogger };

export class FakeVolumes implements VolumeManager {
  error: Error | undefined;
  /** What each emptyDir holds. */
  bytes = 0;
  readonly calls: string[] = [];

  async setUp({ metadata }: Pod): Promise<void> {
    this.calls.push(`set up ${metadata.name}`);
    if (this.error) throw this.error;
  }

  async mounts(): Promise<readonly Mount[]> {
    return [];
  }

  async tearDown(podUid: string): Promise<void> {
    this.calls.push(`tear down ${podUid}`);
  }

  async emptyDirBytes(podUid: string, volume: string): Promise<number> {
    this.calls.push(`measure ${volume} of ${podUid}`);
    return this.bytes;
  }
}

function runtime(name: string, accepts: RuntimeManifest['accepts'], state: RegisteredRuntime['state'] = 'active'): RegisteredRuntime {
  const manifest: RuntimeManifest = { name, accepts, isolation: name === 'wasi' ? ['dedicated', 'shared'] : ['dedicated'], thread: 'thread.js' };
  return { manifest, allowed: name !== 'forbidden', pluginId: name, threadUrl: `file:///${name}.js`, version: '1', state, ...(state === 'inactive' && { reason: 'off for this test' }) };
}

export const runtimes: readonly RegisteredRuntime[] = [
  runtime('wasi', [{ kind: 'module', imports: ['wasi_snapshot_preview1'] }]),
  runtime('wasmer', [{ kind: 'module', imports: ['wasi_snapshot_preview1', 'wasi_unstable'] }]),
  runtime('jco', [{ kind: 'component', worlds: ['wasi:cli/command@^0.2.0'] }]),
  runtime('forbidden', [{ kind: 'module', imports: ['wasi_snapshot_preview1'] }]),
  runtime('asleep', [{ kind: 'module', imports: ['wasi_snapshot_preview1'] }], 'inactive'),
];

export const testNode: Node = {
  metadata: { name: 'node-1', uid: 'node-1', labels: { 'kubernetes.io/os': 'wasm32-wasi', 'kubernetes.io/arch': 'wasm32-wasi', 'kubernetes.io/hostname': 'node-1' } },
  status: { allocatable: { cpu: '2', memory: '1Gi', pods: '110', 'ephemeral-storage': '10Gi' } },
};

interface Process {
  alive: boolean;
  syncs: number;
  running: number;
}

/** The target until its process dies; then no call returns and no timer fires. */
function severable<T extends object>(target: T, process: Process): T {
  return new Proxy(target, {
    get: (_, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (!process.alive) return new Promise(() => {});
        const given = key === 'after' ? [args[0], () => process.alive && (args[1] as () => void)()] : args;
        return Reflect.apply(value, target, given);
      };
    },
  });
}

/** A whole kubelet on fakes, with a clock that the test turns. */
export class KubeletRig {
  readonly clock = new VirtualClock();
  readonly api = new FakeApi();
  readonly images = new FakeImages();
  readonly volumes = new FakeVolumes();
  readonly engine: FakeEngine;
  kubelet: Kubelet;
  node: Node = testNode;
  /** Containers that the node's process can still hold. */
  room = Infinity;
  readonly fatal: unknown[] = [];
  logger: Logger = silentLogger;
  readonly directory: string;
  #process: Process = { alive: true, syncs: 0, running: 0 };

  private constructor(directory: string) {
    this.directory = directory;
    this.engine = new FakeEngine(this.clock);
    this.kubelet = this.#newKubelet({});
  }

  static async create(): Promise<KubeletRig> {
    return new KubeletRig(await mkdtemp(join(tmpdir(), 'wasmlet-kubelet-')));
  }

  /** Starts with what the API holds by then. */
  async start(options: Partial<KubeletOptions> = {}): Promise<void> {
    this.kubelet = this.#newKubelet(options);
    this.kubelet.start();
    this.api.sync();
    await this.settle();
  }

  /** kill -9: nothing of the old process happens any more, and the engine finds in its journal what ran. */
  crash(): void {
    this.#process.alive = false;
    this.#process = { alive: true, syncs: 0, running: 0 };
    this.engine.lose();
  }

  #newKubelet(options: Partial<KubeletOptions>): Kubelet {
    const process = this.#process;
    const spine: PodSpine = (sources, { syncer, clock }) =>
      podSpine(sources, {
        clock,
        syncer: {
          sync: async (uid, signal) => {
            process.syncs += 1;
            process.running += 1;
            try {
              return await syncer.sync(uid, signal);
            } finally {
              process.running -= 1;
            }
          },
        },
      });
    const api = severable(this.api, process);
    return new Kubelet({
      engine: severable(this.engine, process),
      images: this.images,
      volumes: this.volumes,
      podClient: api,
      objects: api,
      events: api,
      sources: [{ name: 'api', events$: this.api.source.events$.pipe(takeWhile(() => process.alive)) }],
      runtimes: { get: (name) => runtimes.find(({ manifest }) => manifest.name === name), list: () => runtimes },
      runtimeHandlers: { wasmlet: {}, 'wasmlet-wasmer': { runtime: 'wasmer' }, 'wasmlet-shared': { isolation: 'shared' } },
      spine,
      node: () => this.node,
      room: () => this.room,
      offer: { changed: () => {}, told: () => Promise.resolve() },
      hostIPs: () => ['10.0.0.1'],
      clock: severable(this.clock, process),
      logger: severable(this.logger, process),
      directories: { pods: join(this.directory, 'pods'), podLogs: join(this.directory, 'logs'), containerLogs: join(this.directory, 'containers') },
      descriptorsPerContainer: 1024,
      fatal: (error) => this.fatal.push(error),
      random: () => 0,
      ...options,
    });
  }

  /** Waits until nothing happens any more without the clock. */
  async settle(): Promise<void> {
    let quiet = 0;
    let seen = -1;
    while (quiet < 5) {
      await new Promise((resolve) => setImmediate(resolve));
      const { running, syncs } = this.#process;
      quiet = running === 0 && syncs === seen ? quiet + 1 : 0;
      seen = syncs;
    }
  }

  advance(milliseconds: number): Promise<void> {
    return this.clock.advance(milliseconds, () => this.settle());
  }

  async apply(pod: Pod): Promise<void> {
    this.api.apply(pod);
    await this.settle();
  }

  async exit(pod: string, container: string, code: number): Promise<void> {
    this.engine.end(this.engine.newest(pod, container), { code, reason: code === 0 ? 'Completed' : 'Error' });
    await this.settle();
  }

  status(name: string): NonNullable<Pod['status']> {
    return this.kubelet.find('default', name)?.status ?? {};
  }

  async close(): Promise<void> {
    await this.kubelet.stop(0);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A pod with one container `main`; `spec` and `metadata` are laid over it. */
export function testPod(name: string, spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, creationTimestamp: '2026-01-01T00:00:00Z', generation: 1, ...metadata },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'registry.test/hello:v1' }], ...spec },
  };
}
