import { matches } from './field-selector.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import type { Target } from './resources.ts';
import { expired } from './status-error.ts';

/** Pages of one list come from one snapshot; its token says which, and where to go on. */
export class PagedLists {
  readonly #store: ObjectStore;
  readonly #snapshots = new Map<string, readonly StoredObject[]>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  page({ kind, namespace }: Target, query: URLSearchParams, selector: ReadonlyMap<string, string>): object {
    const token = query.get('continue');
    const [version = String(this.#store.version), offsetText = '0'] = token?.split(':') ?? [];
    const id = `${kind.resource}:${version}`;
    if (token !== null && !this.#snapshots.has(id)) throw expired();
    const all = token === null ? this.#store.list(kind.resource, namespace).filter((object) => matches(selector, object)) : this.#snapshots.get(id)!;
    const offset = Number(offsetText);
    const limit = Number(query.get('limit') ?? 0) || all.length;
    const more = offset + limit < all.length;
    if (more) this.#snapshots.set(id, all);
    else this.#snapshots.delete(id);
    return {
      apiVersion: kind.apiVersion,
      kind: `${kind.kind}List`,
      metadata: { resourceVersion: version, ...(more ? { continue: `${version}:${offset + limit}` } : {}) },
      items: all.slice(offset, offset + limit),
    };
  }
}
