/** A Map that is nothing while it is empty: empty ones of V8 hold 180 bytes, and a pod has many that are empty all its life. */
export class SparseMap<Key, Value> implements ReadonlyMap<Key, Value> {
  #entries: Map<Key, Value> | undefined;

  get size(): number {
    return this.#entries?.size ?? 0;
  }

  has(key: Key): boolean {
    return this.#entries?.has(key) === true;
  }

  get(key: Key): Value | undefined {
    return this.#entries?.get(key);
  }

  set(key: Key, value: Value): this {
    (this.#entries ??= new Map()).set(key, value);
    return this;
  }

  delete(key: Key): boolean {
    const deleted = this.#entries?.delete(key) === true;
    if (this.#entries?.size === 0) this.#entries = undefined;
    return deleted;
  }

  keys(): MapIterator<Key> {
    return (this.#entries ?? nothing).keys();
  }

  values(): MapIterator<Value> {
    return (this.#entries ?? nothing).values();
  }

  entries(): MapIterator<[Key, Value]> {
    return (this.#entries ?? nothing).entries();
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.entries();
  }

  forEach(visit: (value: Value, key: Key, map: ReadonlyMap<Key, Value>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }
}

/** Never filled. */
const nothing = new Map<never, never>();
