import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { RuntimeManifest, RuntimeThread } from '../../../core/api/runtime.ts';

/** A runtime in one isolation class, as the suites take them. */
export interface Subject {
  readonly runtime: string;
  readonly isolation: 'dedicated' | 'shared';
  readonly manifest: RuntimeManifest;
  readonly thread: RuntimeThread;
}

/** Runtimes that take core modules. `shared`: its host calls are held to the suite on shared threads as well. */
const runtimes = [
  { runtime: 'wasi', shared: true },
  { runtime: 'node-wasi', shared: false },
  { runtime: 'wasmer', shared: false },
] as const;

export const subjects: readonly Subject[] = (await Promise.all(runtimes.map(async ({ runtime, shared }) => {
  const folder = path.join(import.meta.dirname, '../../../runtimes', runtime);
  const { contributes } = JSON.parse(readFileSync(path.join(folder, 'plugin.json'), 'utf8')) as { contributes: { runtimes: [RuntimeManifest] } };
  const thread = (await import(path.join(folder, 'thread.ts'))) as RuntimeThread;
  const [manifest] = contributes.runtimes;
  return (shared ? (['dedicated', 'shared'] as const) : (['dedicated'] as const)).map((isolation) => ({ runtime, isolation, manifest, thread }));
}))).flat();

/** True when the manifest says that a module may import that. */
export function provides({ accepts }: RuntimeManifest, module: string, name: string): boolean {
  return accepts.some((offer) => offer.kind === 'module' && offer.imports.includes(module) && offer.except?.includes(`${module}.${name}`) !== true);
}
