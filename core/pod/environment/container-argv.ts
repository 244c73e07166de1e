import type { ImageConfig } from '../../api/image.ts';
import type { Container, Pod } from '../../api/kubernetes.ts';
import { argvAnnotation } from '../annotations.ts';
import { expandVariables } from './expand-variables.ts';

/**
 * `[command ?? Entrypoint ?? artifact's name, …args ?? Cmd]`. As in Kubernetes a `command` of the pod's own drops the
 * image's Cmd. `wasmlet.dev/argv: krustlet` gives the arguments without a program name, as Krustlet did.
 */
export function containerArgv(
  pod: Pod,
  container: Container,
  image: { readonly config: ImageConfig; readonly artifactName: string },
  environment: ReadonlyMap<string, string>,
): readonly string[] {
  const { entrypoint, cmd } = image.config;
  const given = (words: readonly string[] | undefined) => (words?.length ? words.map((word) => expandVariables(word, environment)) : undefined);
  const own = (words: readonly string[] | undefined) => (words?.length ? words : undefined);
  const command = given(container.command);
  const args = given(container.args) ?? (command ? [] : (own(cmd) ?? []));
  if (pod.metadata.annotations?.[argvAnnotation] === 'krustlet') return args;
  return [...(command ?? own(entrypoint) ?? [image.artifactName]), ...args];
}
