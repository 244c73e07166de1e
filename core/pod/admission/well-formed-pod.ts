/** A pod is input from outside: what its paths and loops rest on is checked once, at the door. */
import type { Pod } from '../../api/kubernetes.ts';

/** DNS names, and UIDs of any kind: they become parts of paths. */
const safeName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})$/;

/** Undefined: well-formed. Otherwise what is wrong. */
export function explainMalformedPod(value: unknown): string | undefined {
  if (!isObject(value) || !isObject(value['metadata'])) return 'it has no metadata';
  const { metadata, spec, status } = value;
  for (const key of ['name', 'namespace', 'uid']) {
    if (!isSafeName(metadata[key])) return `metadata.${key} is not a name`;
  }
  for (const key of ['labels', 'annotations']) {
    if (!isAbsent(metadata[key]) && !isStringMap(metadata[key])) return `metadata.${key} is not a map of strings`;
  }
  if (!isObject(spec)) return 'it has no spec';
  if (status !== undefined && !isObject(status)) return 'status is not an object';
  if (list(spec['containers']).length === 0) return 'spec.containers is empty';
  for (const key of ['containers', 'initContainers', 'ephemeralContainers', 'volumes', 'tolerations', 'imagePullSecrets', 'readinessGates']) {
    if (!isAbsent(spec[key]) && !isListOf(spec[key], isObject)) return `spec.${key} is not a list of objects`;
  }
  const containers = [...list(spec['containers']), ...list(spec['initContainers'])];
  const names = containers.map((container) => (isObject(container) ? container['name'] : undefined));
  const bad = names.find((name) => !isSafeName(name));
  if (bad !== undefined || names.includes(undefined)) return 'a container has no usable name';
  if (new Set(names).size < names.length) return 'two containers have the same name';
  for (const container of containers) {
    const reason = isObject(container) ? explainMalformedContainer(container) : 'a container is not an object';
    if (reason !== undefined) return reason;
  }
  return undefined;
}

export function isWellFormedPod(value: unknown): value is Pod {
  return explainMalformedPod(value) === undefined;
}

function explainMalformedContainer(container: Record<string, unknown>): string | undefined {
  const name = String(container['name']);
  if (!isAbsent(container['image']) && typeof container['image'] !== 'string') return `image of container ${name} is not a string`;
  for (const key of ['command', 'args']) {
    if (!isAbsent(container[key]) && !isListOf(container[key], isString)) return `${key} of container ${name} is not a list of strings`;
  }
  for (const key of ['env', 'volumeMounts', 'ports']) {
    if (!isAbsent(container[key]) && !isListOf(container[key], isObject)) return `${key} of container ${name} is not a list of objects`;
  }
  for (const variable of list(container['env'])) {
    if (!isObject(variable) || !isString(variable['name'])) return `a variable of container ${name} has no name`;
    if (!isAbsent(variable['value']) && !isString(variable['value'])) return `variable ${variable['name']} of container ${name} is not a string`;
  }
  if (!isAbsent(container['resources']) && !isObject(container['resources'])) return `resources of container ${name} is not an object`;
  return undefined;
}

function isSafeName(value: unknown): value is string {
  return typeof value === 'string' && safeName.test(value) && !value.includes('..');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isStringMap(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isString);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
