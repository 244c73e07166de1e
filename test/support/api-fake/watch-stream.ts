/** A watch: what happened since its resourceVersion, then what happens, bookmarks between, until its time is over. */
import type { ServerResponse } from 'node:http';
import { matches } from './field-selector.ts';
import type { Change, ObjectStore } from './object-store.ts';
import type { ResourceKind } from './resources.ts';
import { StatusError } from './status-error.ts';

export interface WatchRequest {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  readonly selector: ReadonlyMap<string, string>;
  readonly resourceVersion: number;
  readonly bookmarks: boolean;
  readonly timeoutSeconds: number;
}

export class WatchStream {
  readonly kind: ResourceKind;
  readonly #request: WatchRequest;
  readonly #response: ServerResponse;
  readonly #close: () => void;

  constructor(request: WatchRequest, response: ServerResponse, store: ObjectStore, closed: (stream: WatchStream) => void) {
    this.kind = request.kind;
    this.#request = request;
    this.#response = response;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const unsubscribe = store.subscribe((change) => this.#tell(change));
    const timer = setTimeout(() => {
      this.bookmark(store.version);
      response.end();
    }, request.timeoutSeconds * 1000);
    timer.unref();
    this.#close = () => {
      unsubscribe();
      clearTimeout(timer);
      closed(this);
    };
    response.once('close', this.#close);
    try {
      for (const change of store.since(request.resourceVersion)) this.#tell(change);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.fail(error);
    }
  }

  bookmark(version: number): void {
    if (!this.#request.bookmarks) return;
    this.#write('BOOKMARK', { apiVersion: this.kind.apiVersion, kind: this.kind.kind, metadata: { resourceVersion: String(version), creationTimestamp: null } });
  }

  /** An ERROR event, which ends a watch: 410 for instance. */
  fail(error: StatusError): void {
    this.#write('ERROR', error.status);
    this.#response.end();
  }

  /** Bytes that are no event. */
  raw(text: string): void {
    this.#response.write(text);
  }

  cut(): void {
    this.#response.destroy();
  }

  /** An object that comes to fit the selector is ADDED, one that leaves it DELETED. */
  #tell({ resource, type, object, before, version }: Change): void {
    const { kind, namespace, selector } = this.#request;
    if (resource !== kind.resource || (namespace !== undefined && object.metadata.namespace !== namespace)) return;
    const fits = type !== 'DELETED' && matches(selector, object);
    const fitted = matches(selector, before);
    if (fits) this.#write(fitted ? 'MODIFIED' : 'ADDED', object);
    else if (fitted) this.#write('DELETED', type === 'DELETED' ? object : { ...before!, metadata: { ...before!.metadata, resourceVersion: String(version) } });
  }

  #write(type: string, object: object): void {
    this.#response.write(`${JSON.stringify({ type, object: { apiVersion: this.kind.apiVersion, kind: this.kind.kind, ...object } })}\n`);
  }
}
