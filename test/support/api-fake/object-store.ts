/** etcd and the watch cache in one: objects by resource, one counter of resource versions, a history to watch from. */
import { randomUUID } from 'node:crypto';
import type { AnyJson } from './any-json.ts';
import { alreadyExists, conflict, expired, notFound } from './status-error.ts';

export interface StoredObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    generation?: number;
    deletionTimestamp?: string;
    deletionGracePeriodSeconds?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: Record<string, unknown>[];
    [field: string]: unknown;
  };
  [field: string]: AnyJson;
}

export interface Change {
  readonly resource: string;
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
  /** As it was before; a watch with a selector needs it to tell that an object left. */
  readonly before: StoredObject | undefined;
}

const historyLength = 20_000;

export class ObjectStore {
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  readonly #watchers = new Set<(change: Change) => void>();
  #history: Change[] = [];
  #version = 1000;
  #compacted = 1000;

  get version(): number {
    return this.#version;
  }

  get(resource: string, namespace: string | undefined, name: string): StoredObject | undefined {
    return this.#of(resource).get(key(namespace, name));
  }

  list(resource: string, namespace?: string): StoredObject[] {
    return [...this.#of(resource).values()].filter((object) => namespace === undefined || object.metadata.namespace === namespace);
  }

  create(resource: string, object: Record<string, AnyJson>): StoredObject {
    const metadata = object['metadata'] as Record<string, unknown>;
    const at = key(metadata['namespace'] as string | undefined, metadata['name'] as string);
    if (this.#of(resource).has(at)) throw alreadyExists(`${resource} "${String(metadata['name'])}"`);
    const stored = {
      ...structuredClone(object),
      metadata: { ...metadata, uid: (metadata['uid'] as string | undefined) ?? randomUUID(), creationTimestamp: new Date().toISOString().replace(/\.\d+Z/, 'Z') },
    } as StoredObject;
    return this.#commit(resource, at, 'ADDED', stored, undefined);
  }

  /** Conflict when `object` carries another resourceVersion or UID than the stored one. */
  update(resource: string, object: StoredObject): StoredObject {
    const at = key(object.metadata.namespace, object.metadata.name);
    const before = this.#of(resource).get(at);
    if (before === undefined) throw notFound(`${resource} "${object.metadata.name}"`);
    if (object.metadata.uid && object.metadata.uid !== before.metadata.uid) throw conflict(`Precondition failed: UID in precondition: ${object.metadata.uid}, UID in object meta: ${before.metadata.uid}`);
    if (object.metadata.resourceVersion && object.metadata.resourceVersion !== before.metadata.resourceVersion) throw conflict('the object has been modified; please apply your changes to the latest version and try again');
    const next = { ...structuredClone(object), metadata: { ...structuredClone(object.metadata), uid: before.metadata.uid, creationTimestamp: before.metadata.creationTimestamp } };
    // A write that changes nothing makes no new version.
    if (JSON.stringify({ ...next, metadata: { ...next.metadata, resourceVersion: '' } }) === JSON.stringify({ ...before, metadata: { ...before.metadata, resourceVersion: '' } })) return before;
    return this.#commit(resource, at, 'MODIFIED', next, before);
  }

  remove(resource: string, namespace: string | undefined, name: string): StoredObject {
    const at = key(namespace, name);
    const before = this.#of(resource).get(at);
    if (before === undefined) throw notFound(`${resource} "${name}"`);
    return this.#commit(resource, at, 'DELETED', structuredClone(before), before);
  }

  /** Gone without a word to the watches, as after a restore from a backup: only a new list shows it. */
  vanish(resource: string, namespace: string | undefined, name: string): void {
    this.#of(resource).delete(key(namespace, name));
    this.#version++;
  }

  /** What happened after `version`. Throws 410 when that is no longer known. */
  since(version: number): Change[] {
    if (version < this.#compacted) throw expired();
    return this.#history.filter((change) => change.version > version);
  }

  /** Forgets the history: watches that start before now get 410. */
  compact(): void {
    this.#history = [];
    this.#compacted = ++this.#version;
  }

  subscribe(watcher: (change: Change) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #of(resource: string): Map<string, StoredObject> {
    let objects = this.#objects.get(resource);
    if (objects === undefined) this.#objects.set(resource, (objects = new Map<string, StoredObject>()));
    return objects;
  }

  #commit(resource: string, at: string, type: Change['type'], object: StoredObject, before: StoredObject | undefined): StoredObject {
    object.metadata.resourceVersion = String(++this.#version);
    if (type === 'DELETED') this.#of(resource).delete(at);
    else this.#of(resource).set(at, object);
    const change: Change = { resource, version: this.#version, type, object, before };
    this.#history.push(change);
    if (this.#history.length > historyLength) this.#compacted = this.#history.shift()!.version;
    for (const watcher of [...this.#watchers]) watcher(change);
    return object;
  }
}

function key(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}
