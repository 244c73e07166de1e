/**
 * Two-way strategic merge patches (apimachinery: strategicpatch.CreateTwoWayMergePatch) for the few shapes that a kubelet
 * writes. Pure. `null` deletes a field; a list with `{"$patch": "replace"}` in it replaces the whole list.
 */

type Fields = Readonly<Record<string, unknown>>;

export interface MergeRules {
  /** Fields that go away when they are wanted no more. A field that is not named here is written but never deleted. */
  readonly deletable: readonly string[];
  /** Lists that the API server merges by the key `type`; of these only `owned` types are ever deleted. */
  readonly byType: Readonly<Record<string, { readonly owned: (type: string) => boolean }>>;
  /** Lists that the API server merges by another key, but which we always mean as a whole. */
  readonly replaced: readonly string[];
}

/** What must be sent so that `observed` becomes `desired`; undefined when nothing differs. */
export function mergePatch(observed: Fields, desired: Fields, rules: MergeRules): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(desired)) {
    if (value === undefined || sameJson(observed[field], value)) continue;
    if (field in rules.byType) {
      const list = patchByType(asList(observed[field]), asList(value), rules.byType[field]!.owned);
      if (list.length > 0) patch[field] = list;
    } else if (rules.replaced.includes(field)) {
      patch[field] = [...asList(value), { $patch: 'replace' }];
    } else if (Array.isArray(value) || !isFields(value) || !isFields(observed[field])) {
      patch[field] = value;
    } else {
      patch[field] = patchMap(observed[field], value);
    }
  }
  for (const field of rules.deletable) {
    if (desired[field] === undefined && observed[field] !== undefined) patch[field] = null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** A map that we own entirely: keys that are wanted no more are deleted; nested maps likewise, lists are atomic. */
export function patchMap(observed: Fields, desired: Fields): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(desired)) {
    const before = observed[key];
    if (value === undefined || sameJson(before, value)) continue;
    patch[key] = isFields(value) && isFields(before) ? patchMap(before, value) : value;
  }
  for (const key of Object.keys(observed)) if (desired[key] === undefined) patch[key] = null;
  return patch;
}

/**
 * Equal as JSON of the API server: the order of keys does not matter, and an absent field, an undefined and an empty one are
 * the same (it answers `lastState: {}` where nothing was sent, and nothing where `images: []` was).
 */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (left === undefined || right === undefined) return isEmpty(left ?? right);
  if (Array.isArray(left) || Array.isArray(right)) {
    return Array.isArray(left) && Array.isArray(right) && left.length === right.length && left.every((item, index) => sameJson(item, right[index]));
  }
  if (!isFields(left) || !isFields(right)) return false;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => sameJson(left[key], right[key]));
}

function patchByType(observed: readonly Fields[], desired: readonly Fields[], owned: (type: string) => boolean): Fields[] {
  const before = new Map(observed.map((item) => [item['type'], item]));
  const changed = desired.flatMap((item) => {
    const old = before.get(item['type']);
    if (old === undefined) return [item];
    const patch = patchMap(old, item);
    return Object.keys(patch).length === 0 ? [] : [{ ...patch, type: item['type'] }];
  });
  const wanted = new Set(desired.map((item) => item['type']));
  const gone = [...before.keys()].filter((type) => typeof type === 'string' && !wanted.has(type) && owned(type));
  return [...changed, ...gone.map((type) => ({ $patch: 'delete', type }))];
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function asList(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
