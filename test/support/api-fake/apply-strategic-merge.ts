/** The API server's half of a strategic merge patch, written apart from the product's half so that each can prove the other. */
import { badRequest } from './status-error.ts';

type Fields = Record<string, unknown>;

/** Merge keys by path below the object; every other list is atomic. */
const mergeKeys: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Pod: { 'status.conditions': 'type', 'status.podIPs': 'ip', 'status.hostIPs': 'ip', 'metadata.ownerReferences': 'uid' },
  Node: { 'status.conditions': 'type', 'status.addresses': 'type', 'metadata.ownerReferences': 'uid' },
  Event: {},
};

export function applyStrategicMerge(kind: string, object: Fields, patch: unknown): Fields {
  const keys = mergeKeys[kind];
  if (keys === undefined) throw badRequest(`the fake knows no strategic merge for ${kind}`);
  if (!isFields(patch)) throw badRequest('a patch must be an object');
  return mergeFields(object, patch, '', keys);
}

/** RFC 7386. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}

function mergeFields(object: Fields, patch: Fields, path: string, keys: Readonly<Record<string, string>>): Fields {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const result: Fields = { ...object };
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$setElementOrder/') || key === '$retainKeys') continue;
    if (key.startsWith('$')) throw badRequest(`unknown directive ${key} at ${path || 'the root'}`);
    const at = path === '' ? key : `${path}.${key}`;
    if (value === null) delete result[key];
    else if (Array.isArray(value)) result[key] = mergeList(result[key], value, at, keys);
    else if (isFields(value)) result[key] = mergeFields(isFields(result[key]) ? result[key] : {}, value, at, keys);
    else result[key] = value;
  }
  return result;
}

function mergeList(object: unknown, patch: readonly unknown[], path: string, keys: Readonly<Record<string, string>>): unknown[] {
  const key = keys[path];
  if (key === undefined) {
    if (patch.some((item) => isFields(item) && '$patch' in item)) throw badRequest(`${path} is atomic: it takes no $patch`);
    return [...patch];
  }
  const items = patch.map((item) => {
    if (!isFields(item)) throw badRequest(`${path}: items must be objects`);
    return item;
  });
  const replaced = items.some((item) => item['$patch'] === 'replace' && !(key in item));
  let result: Fields[] = replaced || !Array.isArray(object) ? [] : (object as Fields[]);
  for (const item of items) {
    if (item['$patch'] === 'replace' && !(key in item)) continue;
    if (!(key in item)) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const same = (candidate: Fields): boolean => candidate[key] === item[key];
    if (item['$patch'] === 'delete') result = result.filter((candidate) => !same(candidate));
    else if (replaced) result = [...result, item];
    // Upstream merges into the first item with that key: two InternalIPs become one.
    else if (result.some(same)) result = result.map((candidate, index) => (index === result.findIndex(same) ? mergeFields(candidate, item, `${path}[]`, keys) : candidate));
    else result = [...result, withoutDirectives(item)];
  }
  return result;
}

function withoutDirectives(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => !key.startsWith('$') && value !== null));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
