import { readdir } from 'node:fs/promises';
import type { Engine } from '../../api/engine.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { VolumeManager } from '../../volume/volume-manager.ts';
import type { PodCleaner } from './pod-cleaner.ts';

export interface HousekeeperOptions {
  readonly engine: Engine;
  readonly volumes: VolumeManager;
  readonly cleaner: PodCleaner;
  /** `<root-dir>/pods` */
  readonly podsDirectory: string;
  /** Desired, or still looked after by a worker. */
  readonly isKnown: (uid: string) => boolean;
  readonly logger: Logger;
}

/** Upstream gives pods of unknown origin this long. */
const orphanGraceSeconds = 1;

/** Ends and removes what is left of pods that nobody wants. Run only once every source has delivered its full list. */
export class Housekeeper {
  readonly #options: HousekeeperOptions;
  #running: Promise<void> | undefined;

  constructor(options: HousekeeperOptions) {
    this.#options = options;
  }

  /** One round at a time; never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#round().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #round(): Promise<void> {
    const { isKnown, logger } = this.#options;
    let found: readonly string[];
    try {
      found = await this.#found();
    } catch (error) {
      logger.error({ error: messageOf(error) }, 'orphaned pods were not looked for');
      return;
    }
    for (const uid of found) {
      if (isKnown(uid)) continue;
      try {
        await this.#remove(uid);
        logger.info({ uid }, 'orphaned pod removed');
      } catch (error) {
        logger.error({ uid, error: messageOf(error) }, 'orphaned pod was not removed');
      }
    }
  }

  async #found(): Promise<readonly string[]> {
    const { engine, podsDirectory } = this.#options;
    const directories = await readdir(podsDirectory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return [...new Set([...engine.podSandboxUids(), ...directories])];
  }

  async #remove(uid: string): Promise<void> {
    const { engine, volumes, cleaner } = this.#options;
    const sandbox = engine.podSandbox(uid);
    const running = (sandbox?.containers ?? []).filter(({ phase }) => phase !== 'exited');
    await Promise.all(running.map(({ id }) => engine.stopContainer(id, orphanGraceSeconds)));
    if (sandbox !== undefined) await engine.stopPodSandbox(uid);
    await volumes.tearDown(uid);
    await cleaner.clean(uid, sandbox);
  }
}
