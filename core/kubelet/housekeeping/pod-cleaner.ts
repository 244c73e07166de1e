import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../../api/engine.ts';

export interface PodCleanerOptions {
  readonly engine: Engine;
  /** `<root-dir>/pods` */
  readonly podsDirectory: string;
  /** `/var/log/pods` */
  readonly logsDirectory: string;
}

/** Removes the last traces of a pod of which nothing runs: attempts with their logs, journal, directories. Idempotent. */
export class PodCleaner {
  readonly #options: PodCleanerOptions;

  constructor(options: PodCleanerOptions) {
    this.#options = options;
  }

  /** `name`: absent for what is known by its directory only; then no logs are looked for, since others may write there, too. */
  async clean(uid: string, name: { readonly name: string; readonly namespace: string } | undefined): Promise<void> {
    const { engine, podsDirectory, logsDirectory } = this.#options;
    await engine.removePodSandbox(uid);
    if (name !== undefined) await rm(join(logsDirectory, `${name.namespace}_${name.name}_${uid}`), { recursive: true, force: true });
    await rm(join(podsDirectory, uid), { recursive: true, force: true });
  }
}
