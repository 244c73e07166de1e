import type { Container, Pod } from '../../api/kubernetes.ts';

export interface ObjectName {
  readonly kind: 'configmaps' | 'secrets';
  readonly namespace: string;
  readonly name: string;
}

/** The ConfigMaps and Secrets that a pod's spec names: volumes, environment, pull secrets. Pure; each once. */
export function referencedObjects({ metadata: { namespace }, spec }: Pod): ObjectName[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? []), ...((spec.ephemeralContainers ?? []) as Container[])];
  const volumes = spec.volumes ?? [];
  const projected = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  const configMaps = [
    ...volumes.map(({ configMap }) => configMap?.name),
    ...projected.map(({ configMap }) => configMap?.name),
    ...containers.flatMap(({ env, envFrom }) => [...(env ?? []).map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name), ...(envFrom ?? []).map(({ configMapRef }) => configMapRef?.name)]),
  ];
  const secrets = [
    ...volumes.map(({ secret }) => secret?.secretName),
    ...projected.map(({ secret }) => secret?.name),
    ...containers.flatMap(({ env, envFrom }) => [...(env ?? []).map(({ valueFrom }) => valueFrom?.secretKeyRef?.name), ...(envFrom ?? []).map(({ secretRef }) => secretRef?.name)]),
    ...(spec.imagePullSecrets ?? []).map(({ name }) => name),
  ];
  const named = (kind: ObjectName['kind'], names: readonly (string | undefined)[]): ObjectName[] =>
    [...new Set(names)].flatMap((name) => (name === undefined || name === '' ? [] : [{ kind, namespace, name }]));
  return [...named('configmaps', configMaps), ...named('secrets', secrets)];
}
