import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildRelease, type Release } from './release.ts';

/** What a suite without a control plane measures on. */
export interface LocalBed {
  /** Empty at first, removed afterwards. */
  readonly directory: string;
  /** The release bundle: what users run is what counts. */
  readonly release: Release;
  readonly progress: (line: string) => void;
}

/** @throws Error when the release does not build */
export async function withLocalBed<T>(options: { readonly progress: (line: string) => void }, work: (bed: LocalBed) => Promise<T>): Promise<T> {
  const { progress } = options;
  const scratch = await mkdtemp(join(tmpdir(), 'wasmlet-bench-'));
  try {
    progress('building the release bundle');
    const release = await buildRelease(join(scratch, 'release'));
    const directory = await mkdtemp(join(scratch, 'work-'));
    return await work({ directory, release, progress });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
