import { existsSync, watch, type FSWatcher } from 'node:fs';
import { Observable, type Subscriber } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Pod, WatchEvent } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { PodSource } from '../../kube/kube.ts';
import { podFromManifest } from './pod-from-manifest.ts';
import { manifestPaths, manifestVersion, readManifest } from './read-manifests.ts';

export interface FilePodSourceOptions {
  /** A directory of manifests, or one manifest (`staticPodPath`). It need not exist yet. */
  readonly path: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Read anew at least this often (`fileCheckFrequency`): a change may have gone unnoticed. */
const rereadMilliseconds = 20_000;
/** An editor writes in several steps. */
const settleMilliseconds = 100;

/** Static pods from this node's files. A file that cannot be read keeps the pods that it had; a warning names it. */
export class FilePodSource implements PodSource {
  readonly name = 'file';
  readonly events$: Observable<WatchEvent<Pod>>;

  constructor(options: FilePodSourceOptions) {
    this.events$ = new Observable((subscriber) => {
      const reader = new ManifestReader(options, subscriber);
      void reader.read();
      return () => reader.stop();
    });
  }
}

class ManifestReader {
  readonly #options: FilePodSourceOptions;
  readonly #subscriber: Subscriber<WatchEvent<Pod>>;
  /** Pods by path, as they were delivered. */
  #delivered: ReadonlyMap<string, readonly Pod[]> = new Map();
  /** Versions of the files that were read without fault: thousands of manifests are not parsed again for nothing. */
  readonly #versions = new Map<string, string>();
  /** What has been told of bad files, so that it is told once. */
  readonly #told = new Map<string, string>();
  #watcher: FSWatcher | undefined;
  #cancel: (() => void) | undefined;
  #reading = false;
  #again = false;
  #synced = false;

  constructor(options: FilePodSourceOptions, subscriber: Subscriber<WatchEvent<Pod>>) {
    this.#options = options;
    this.#subscriber = subscriber;
  }

  stop(): void {
    this.#cancel?.();
    this.#watcher?.close();
  }

  async read(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    this.#watch();
    try {
      this.#deliver(await this.#readAll());
      this.#tellAbsence();
    } catch (error) {
      this.#tell(this.#options.path, messageOf(error));
    }
    this.#reading = false;
    if (this.#subscriber.closed) return;
    this.#schedule(this.#again ? settleMilliseconds : rereadMilliseconds);
    this.#again = false;
  }

  #schedule(milliseconds: number): void {
    this.#cancel?.();
    this.#cancel = this.#options.clock.after(milliseconds, () => void this.read());
  }

  /** inotify; where it fails, only the re-reading remains. */
  #watch(): void {
    if (this.#watcher !== undefined || this.#subscriber.closed) return;
    const lost = (): void => {
      this.#watcher?.close();
      this.#watcher = undefined;
    };
    try {
      this.#watcher = watch(this.#options.path, { persistent: false }, () => {
        if (this.#reading) this.#again = true;
        else this.#schedule(settleMilliseconds);
      });
      this.#watcher.on('error', lost);
    } catch {
      lost();
    }
  }

  async #readAll(): Promise<ReadonlyMap<string, readonly Pod[]>> {
    const { path, nodeName, clock } = this.#options;
    const found = new Map<string, readonly Pod[]>();
    const seenAt = new Date(clock.now()).toISOString();
    for (const file of await manifestPaths(path)) {
      const before = this.#delivered.get(file) ?? [];
      try {
        const version = await manifestVersion(file);
        if (version === undefined) continue;
        if (this.#versions.get(file) === version) {
          found.set(file, before);
          continue;
        }
        const known = new Map(before.map((pod) => [pod.metadata.uid, pod]));
        const pods = (await readManifest(file)).map((manifest) => podFromManifest(manifest, { path: file, nodeName, seenAt }));
        found.set(file, pods.map((pod) => known.get(pod.metadata.uid) ?? pod));
        this.#versions.set(file, version);
        this.#told.delete(file);
      } catch (error) {
        found.set(file, before);
        this.#versions.delete(file);
        this.#tell(file, messageOf(error));
      }
    }
    return found;
  }

  /** It may come later, but a mistyped path should be seen. */
  #tellAbsence(): void {
    const { path } = this.#options;
    if (existsSync(path)) this.#told.delete(path);
    else this.#tell(path, 'there is no such file or directory; its pods start when it appears');
  }

  #tell(file: string, problem: string): void {
    if (this.#told.get(file) === problem) return;
    this.#told.set(file, problem);
    this.#options.logger.warn({ file, problem }, 'manifest could not be used');
  }

  #deliver(found: ReadonlyMap<string, readonly Pod[]>): void {
    const before = podsOfOthers(this.#delivered, found);
    const now = podsOfOthers(found, this.#delivered);
    this.#delivered = found;
    const [old, current] = [new Set(before), new Set(now)];
    for (const object of before) if (!current.has(object)) this.#subscriber.next({ type: 'REMOVED', object });
    for (const object of now) if (!old.has(object)) this.#subscriber.next({ type: 'ADDED', object });
    if (!this.#synced) this.#subscriber.next({ type: 'SYNCED' });
    this.#synced = true;
  }
}

/** Pods of the files that are not as they are in `others`: of thousands that are, nothing is compared. */
function podsOfOthers(files: ReadonlyMap<string, readonly Pod[]>, others: ReadonlyMap<string, readonly Pod[]>): readonly Pod[] {
  return [...files].flatMap(([file, pods]) => (others.get(file) === pods ? [] : pods));
}
