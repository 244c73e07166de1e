import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { PluginManifest } from '../../../core/api/plugin.ts';
import type { IsolationClass, RuntimeManifest } from '../../../core/api/runtime.ts';

/** One way in which this node runs guests. */
export interface RuntimeClass {
  readonly runtime: string;
  readonly isolation: IsolationClass;
  /** Of the artifacts that it takes. */
  readonly kind: 'module' | 'component';
  /** `wasi`, `jco`: what an attack does is asserted in detail. Of the others it is that the host is untouched and the node unharmed. */
  readonly strong: boolean;
  readonly features: RuntimeManifest['features'];
}

const weak = ['node-wasi', 'wasmer'];

/** Every runtime and isolation class, as the manifests have them: a class that a manifest lists is attacked from then on. */
export const runtimeClasses: readonly RuntimeClass[] = globSync(path.join(import.meta.dirname, '../../../runtimes/*/plugin.json')).sort().flatMap((file) => {
  const { contributes } = JSON.parse(readFileSync(file, 'utf8')) as PluginManifest;
  return (contributes.runtimes ?? []).flatMap(({ name, accepts, isolation, features }) =>
    isolation.map((each): RuntimeClass => ({ runtime: name, isolation: each, kind: accepts.some(({ kind }) => kind === 'module') ? 'module' : 'component', strong: !weak.includes(name), features })));
});

export function nameOf({ runtime, isolation }: RuntimeClass): string {
  return `${runtime}, ${isolation}`;
}
