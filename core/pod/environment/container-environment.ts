/** A container's variables (upstream: pkg/kubelet/kubelet_pods.go makeEnvironmentVariables). */
import { WasmletError } from '../../api/errors.ts';
import type { ConfigMap, Container, EnvVar, Pod, Secret } from '../../api/kubernetes.ts';
import { expandVariables } from './expand-variables.ts';
import { fieldReference, type PodAddresses } from './field-reference.ts';

/** The objects that `env` refers to, by name; `undefined` as a value: asked for, and it does not exist. */
export interface EnvironmentSources {
  readonly configMaps: ReadonlyMap<string, ConfigMap | undefined>;
  readonly secrets: ReadonlyMap<string, Secret | undefined>;
  readonly services: ReadonlyMap<string, string>;
  /** Of the image's configuration; the container's own win. */
  readonly image: readonly (readonly [string, string])[];
}

/** Names of the configMaps and secrets that a container's `env` refers to. */
export function environmentReferences(container: Container): { readonly configMaps: readonly string[]; readonly secrets: readonly string[] } {
  const sources = (container.env ?? []).flatMap(({ valueFrom }) => valueFrom ?? []);
  return {
    configMaps: unique(sources.flatMap(({ configMapKeyRef }) => configMapKeyRef?.name ?? [])),
    secrets: unique(sources.flatMap(({ secretKeyRef }) => secretKeyRef?.name ?? [])),
  };
}

/**
 * Names are unique; service variables only fill gaps. Throws CONFIG_MAP_*, SECRET_* with upstream's messages, and
 * FIELD_INVALID.
 */
export function containerEnvironment(pod: Pod, container: Container, sources: EnvironmentSources, addresses: PodAddresses): ReadonlyMap<string, string> {
  const resolved = new Map<string, string>();
  const visible = new Map(sources.services);
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom ? referenced(pod, variable, sources, addresses) : expandVariables(variable.value ?? '', visible);
    if (value === undefined) continue;
    resolved.set(variable.name, value);
    visible.set(variable.name, value);
  }
  return new Map([...sources.image, ...[...sources.services].filter(([name]) => !resolved.has(name)), ...resolved]);
}

function referenced(pod: Pod, { name, valueFrom }: EnvVar, sources: EnvironmentSources, addresses: PodAddresses): string | undefined {
  const { namespace } = pod.metadata;
  if (valueFrom?.fieldRef) return fieldReference(pod, valueFrom.fieldRef.fieldPath, addresses);
  if (valueFrom?.configMapKeyRef) {
    const { name: object = '', key, optional = false } = valueFrom.configMapKeyRef;
    const configMap = sources.configMaps.get(object);
    const value = ownEntry(configMap?.data, key);
    if (value !== undefined || optional) return value;
    if (configMap === undefined) throw new WasmletError('CONFIG_MAP_NOT_FOUND', `configmap "${object}" not found`);
    throw new WasmletError('CONFIG_MAP_KEY_NOT_FOUND', `couldn't find key ${key} in ConfigMap ${namespace}/${object}`);
  }
  if (valueFrom?.secretKeyRef) {
    const { name: object = '', key, optional = false } = valueFrom.secretKeyRef;
    const secret = sources.secrets.get(object);
    const value = ownEntry(secret?.data, key);
    if (value !== undefined) return decodeBase64(value);
    if (optional) return undefined;
    if (secret === undefined) throw new WasmletError('SECRET_NOT_FOUND', `secret "${object}" not found`);
    throw new WasmletError('SECRET_KEY_NOT_FOUND', `couldn't find key ${key} in Secret ${namespace}/${object}`);
  }
  throw new WasmletError('FIELD_UNSUPPORTED', `environment variable ${name} has a source that this node does not support`);
}

function ownEntry(map: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}

/** Bytes that are not UTF-8 pass as U+FFFD: a WASI environment is text. */
function decodeBase64(text: string): string {
  try {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)));
  } catch (cause) {
    throw new WasmletError('FIELD_INVALID', 'a secret value is not base64', { cause });
  }
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
