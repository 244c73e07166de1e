import { readFileSync, realpathSync } from 'node:fs';
import { readdir, realpath, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../api/clock.ts';
import type { Mount } from '../api/engine.ts';
import { errorTable, messageOf, WasmletError } from '../api/errors.ts';
import type { Container, Pod, Volume } from '../api/kubernetes.ts';
import type { VolumePlugin } from '../api/volume.ts';
import type { ObjectReader } from '../kube/kube.ts';
import type { MemoryDirectories } from './memory-directories.ts';
import { planMounts } from './plan-mounts.ts';
import { resolveVolumeFiles } from './resolve-files.ts';
import { resolveSubPath } from './resolve-sub-path.ts';
import { usedBytes } from './used-bytes.ts';
import { typeOfDirectory, volumeDirectory, volumesDirectory } from './volume-directory.ts';
import type { VolumeManager } from './volume-manager.ts';

export interface ActiveVolumePlugin {
  readonly plugin: VolumePlugin;
  readonly payload: 'files' | 'none';
}

export interface PodVolumeManagerOptions {
  /** `<root-dir>/pods`. */
  readonly podsDirectory: string;
  /** The active plugin that contributes a volume type. */
  readonly plugins: (type: string) => ActiveVolumePlugin | undefined;
  readonly objects: ObjectReader;
  readonly memory: MemoryDirectories;
  readonly clock: Clock;
}

interface ReadyVolume {
  readonly hostPath: string;
  /** Content comes from the API: guests never write to it. */
  readonly readOnly: boolean;
}

/** Upstream waits 2 min 3 s for a pod's volumes in one try (pkg/kubelet/volumemanager, podAttachAndMountTimeout). */
const setUpDeadline = 123_000;

/** The only writer of `pods/<uid>/volumes`. One operation per pod at a time: a second waits, also for one that ran into its deadline. */
export class PodVolumeManager implements VolumeManager {
  readonly #options: PodVolumeManagerOptions;
  readonly #ready = new Map<string, ReadonlyMap<string, ReadyVolume>>();
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: PodVolumeManagerOptions) {
    this.#options = options;
  }

  async setUp(pod: Pod): Promise<void> {
    const { uid } = pod.metadata;
    const names = (pod.spec.volumes ?? []).map((volume) => volume.name);
    const twin = names.find((name, index) => names.indexOf(name) !== index);
    if (twin !== undefined) throw new WasmletError('VOLUME_SOURCE_INVALID', `spec.volumes: Duplicate value: ${JSON.stringify(twin)}`);
    const mounted = new Map<string, ReadyVolume>();
    const work = this.#inTurn(uid, async () => {
      await this.#setUpAll(pod, mounted);
      this.#ready.set(uid, mounted);
    });
    await this.#bounded(work, () => {
      const missing = names.filter((name) => !mounted.has(name)).join(' ');
      return new WasmletError('VOLUME_SET_UP_FAILED', `Unable to attach or mount volumes: unmounted volumes=[${missing}]: timed out waiting for the condition`);
    });
  }

  async mounts(pod: Pod, container: Container): Promise<readonly Mount[]> {
    const planned = planMounts(container, new Set((pod.spec.volumes ?? []).map((volume) => volume.name)));
    return Promise.all(
      planned.map(async ({ guestPath, volume, subPath, readOnly }) => {
        const ready = this.#ready.get(pod.metadata.uid)?.get(volume);
        if (!ready) throw new WasmletError('VOLUME_SET_UP_FAILED', `volume ${JSON.stringify(volume)} is not set up yet`);
        if (subPath !== undefined && ready.readOnly) throw new WasmletError('FIELD_UNSUPPORTED', `volumeMounts: subPath ${JSON.stringify(subPath)} of volume ${JSON.stringify(volume)}: subPath into a configMap, secret, downwardAPI or projected volume is not supported`);
        const hostPath = subPath === undefined ? ready.hostPath : await resolveSubPath(ready.hostPath, subPath);
        // What a WASI guest is given are directories; what comes from the API is one.
        if (!ready.readOnly && !(await stat(hostPath)).isDirectory()) throw new WasmletError('FIELD_UNSUPPORTED', `volumeMounts: ${hostPath} of volume ${JSON.stringify(volume)} is not a directory; mounting a single file is not supported`);
        return { guestPath, hostPath, readOnly: readOnly || ready.readOnly };
      }),
    );
  }

  async tearDown(podUid: string): Promise<void> {
    await this.#inTurn(podUid, async () => {
      this.#ready.delete(podUid);
      const root = volumesDirectory(this.#options.podsDirectory, podUid);
      const types = await list(root);
      if (types.length === 0) return;
      for (const typeName of types) {
        const active = this.#options.plugins(typeOfDirectory(typeName) ?? '');
        for (const name of await list(path.join(root, typeName))) {
          const directory = path.join(root, typeName, name);
          await active?.plugin.tearDown({ podUid, directory });
          await this.#options.memory.release(directory, active?.payload === 'files' ? 'small' : 'any');
        }
      }
      refuseMounts(root);
      // Never follows a link: what a link names is not the volume's.
      await rm(root, { recursive: true, force: true });
    });
  }

  emptyDirBytes(podUid: string, volume: string, enough: number): Promise<number> {
    return usedBytes(volumeDirectory(this.#options.podsDirectory, podUid, 'emptyDir', volume), enough);
  }

  async #setUpAll(pod: Pod, mounted: Map<string, ReadyVolume>): Promise<void> {
    const volumes = pod.spec.volumes ?? [];
    const outcomes = await Promise.allSettled(volumes.map(async (volume) => mounted.set(volume.name, await this.#setUpVolume(pod, volume))));
    const failures = outcomes.flatMap((outcome, index) => {
      return outcome.status === 'fulfilled' ? [] : [nameVolume(volumes[index]!.name, outcome.reason)];
    });
    if (failures.length === 0) return;
    // One that only the user can mend decides: trying again would not help.
    const { code } = failures.find((failure) => failure.retry === 'terminal') ?? failures[0]!;
    throw new WasmletError(code, failures.map((failure) => failure.message).join('; '), { cause: failures[0]!.cause });
  }

  async #setUpVolume(pod: Pod, volume: Volume): Promise<ReadyVolume> {
    const { podsDirectory, plugins, objects, memory } = this.#options;
    const podUid = pod.metadata.uid;
    const type = volumeType(volume);
    const active = plugins(type);
    if (!active) throw new WasmletError('VOLUME_TYPE_UNSUPPORTED', `volume type ${type} is not supported: no active plugin provides it`);
    const directory = volumeDirectory(podsDirectory, podUid, type, volume.name);
    const request = { podUid, volume, directory, memoryDirectory: (sizeBytes?: number) => memory.provide(directory, sizeBytes) };
    const files = active.payload === 'files' ? { files: await resolveVolumeFiles(pod, volume, objects) } : {};
    const { hostPath } = await active.plugin.setUp({ ...request, ...files });
    // Without a link in it: whoever opens a mount can then tell that nobody has put one in its way. Files from the API lie in the
    // node's own memory, asked in place; any other path may lead to a server that does not answer.
    const readOnly = active.payload === 'files';
    return { hostPath: readOnly ? realpathSync.native(hostPath) : await realpath(hostPath), readOnly };
  }

  #inTurn(podUid: string, operation: () => Promise<void>): Promise<void> {
    const before = this.#running.get(podUid) ?? Promise.resolve();
    const turn = before.then(operation, operation);
    this.#running.set(podUid, turn);
    const forget = () => {
      if (this.#running.get(podUid) === turn) this.#running.delete(podUid);
    };
    turn.then(forget, forget);
    return turn;
  }

  async #bounded(work: Promise<void>, late: () => WasmletError): Promise<void> {
    let cancel = () => {};
    const deadline = new Promise<never>((_, reject) => {
      cancel = this.#options.clock.after(setUpDeadline, () => reject(late()));
    });
    await Promise.race([work, deadline]).finally(cancel);
  }
}

/** The one source of a volume. Throws VOLUME_SOURCE_INVALID. */
function volumeType(volume: Volume): string {
  const types = Object.entries(volume).filter(([key, value]) => key !== 'name' && value !== undefined && value !== null);
  if (types.length === 0) throw new WasmletError('VOLUME_SOURCE_INVALID', 'must specify a volume type');
  if (types.length > 1) throw new WasmletError('VOLUME_SOURCE_INVALID', 'may not specify more than 1 volume type');
  return types[0]![0];
}

/** Upstream's text of the FailedMount event. What is no volume's code (an API server that does not answer) is a failed set-up. */
function nameVolume(name: string, error: unknown): WasmletError {
  const code = error instanceof WasmletError && errorTable[error.code].reason === 'FailedMount' ? error.code : 'VOLUME_SET_UP_FAILED';
  return new WasmletError(code, `MountVolume.SetUp failed for volume ${JSON.stringify(name)} : ${messageOf(error)}`, { cause: error });
}

/** Deleting through a mount would delete what is mounted there. */
function refuseMounts(directory: string): void {
  const table = readFileSync('/proc/self/mountinfo', 'utf8');
  const points = table.split('\n').flatMap((line) => line.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))) ?? []);
  const inside = points.find((point) => point.startsWith(directory + path.sep));
  if (inside !== undefined) throw new WasmletError('VOLUME_SET_UP_FAILED', `${inside} is still mounted; unmount it`);
}

async function list(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(ifMissing)) || [];
}

function ifMissing(error: NodeJS.ErrnoException): false {
  if (error.code !== 'ENOENT') throw error;
  return false;
}
