import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { NEVER } from 'rxjs';
import type { Clock } from '../../../core/api/clock.ts';
import type { ConfigMap, Pod, PodSpec, Secret } from '../../../core/api/kubernetes.ts';
import type { VolumePlugin } from '../../../core/api/volume.ts';
import type { ObjectReader } from '../../../core/kube/kube.ts';
import { PluginHost } from '../../../core/plugin-host/plugin-host.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';
import { systemClock } from '../../../core/telemetry/system-clock.ts';
import { MemoryDirectories, type MemoryDirectoriesOptions } from '../../../core/volume/memory-directories.ts';
import { PodVolumeManager } from '../../../core/volume/pod-volume-manager.ts';

const repository = path.join(import.meta.dirname, '../../..');

/** The volume room with the real plugins, through the real plugin door, on a real directory. */
export class VolumeNode {
  readonly root: string;
  readonly configMaps = new Map<string, ConfigMap>();
  readonly secrets = new Map<string, Secret>();
  /** Plugins of the test's own, by type. */
  readonly extra = new Map<string, VolumePlugin>();
  token = 'token-1';
  clock: Clock = systemClock;
  memory!: MemoryDirectories;
  manager!: PodVolumeManager;
  #host!: PluginHost;

  private constructor(root: string) {
    this.root = root;
  }

  static async start(options: { readonly memory?: Partial<MemoryDirectoriesOptions> } = {}): Promise<VolumeNode> {
    const node = new VolumeNode(await mkdtemp(path.join(os.tmpdir(), 'wasmlet volumes-')));
    node.#host = new PluginHost({
      directories: ['volume-projected', 'volume-emptydir', 'volume-hostpath'].map((name) => path.join(repository, 'plugins', name)),
      version: '0.1.0',
      configuration: {},
      disabled: [],
      runtimes: { order: [], allowed: [] },
      dataDirectory: path.join(node.root, 'plugins'),
      logger: silentLogger,
    });
    await node.#host.start();
    const failed = node.#host.outcomes.find(({ outcome }) => outcome !== 'active');
    if (failed) throw new Error(JSON.stringify(failed));
    await node.restart(options);
    return node;
  }

  /** As a new process on the same directory. */
  async restart(options: { readonly memory?: Partial<MemoryDirectoriesOptions> } = {}): Promise<void> {
    this.memory = new MemoryDirectories({ directory: path.join(this.root, 'memory'), fallbacks: ['/dev/shm'], logger: silentLogger, ...options.memory });
    await this.memory.start();
    const clock: Clock = { now: () => this.clock.now(), monotonic: () => this.clock.monotonic(), after: (milliseconds, callback) => this.clock.after(milliseconds, callback), sleep: (milliseconds, signal) => this.clock.sleep(milliseconds, signal) };
    this.manager = new PodVolumeManager({
      podsDirectory: this.pods,
      plugins: (type) => (this.extra.has(type) ? { plugin: this.extra.get(type)!, payload: 'none' } : this.#host.volume(type)),
      objects: this.objects(),
      memory: this.memory,
      clock,
    });
  }

  get pods(): string {
    return path.join(this.root, 'pods');
  }

  /** Pods that have a directory of volumes. */
  async onDisk(): Promise<readonly string[]> {
    const uids = await readdir(this.pods).catch(() => []);
    return uids.filter((uid) => existsSync(path.join(this.pods, uid, 'volumes')));
  }

  async stop(): Promise<void> {
    for (const uid of await this.onDisk()) await this.manager.tearDown(uid);
    await this.memory.stop();
    await this.#host.stop();
    await rm(this.root, { recursive: true, force: true });
  }

  objects(): ObjectReader {
    return {
      configMap: async (_, name) => this.configMaps.get(name),
      secret: async (_, name) => this.secrets.get(name),
      runtimeClass: async () => undefined,
      services: async () => [],
      serviceAccountToken: async (_, audience, seconds) => ({ token: `${this.token} ${audience} ${seconds}`, expiresAt: 0 }),
      release: () => {},
      retain: () => {},
      changes$: NEVER,
    };
  }

  directory(uid: string, type: string, name: string): string {
    return path.join(this.pods, uid, 'volumes', `kubernetes.io~${type}`, name);
  }
}

export function podWith(volumes: NonNullable<PodSpec['volumes']>, mounts: NonNullable<PodSpec['containers'][number]['volumeMounts']> = [], uid = 'uid-1'): Pod {
  return {
    metadata: { namespace: 'default', name: 'p', uid, labels: { app: 'web', quote: 'a "b"\n' }, annotations: { note: 'n' } },
    spec: { volumes, containers: [{ name: 'main', volumeMounts: mounts }] },
  };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
