/**
 * A strict API server in this process, over HTTP: it refuses what the real one refuses a kubelet, and fails on demand.
 * The test itself is the administrator and works on `objects` and `pods` without HTTP.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnyJson } from './any-json.ts';
import { ApiOperations } from './api-operations.ts';
import type { Answers } from './api-operations.ts';
import { authenticate, authorize } from './authorize.ts';
import { Faults } from './faults.ts';
import { parseFieldSelector } from './field-selector.ts';
import { commonName, parseJson, raise, record, send, verbOf } from './http.ts';
import { ObjectStore } from './object-store.ts';
import type { StoredObject } from './object-store.ts';
import { PagedLists } from './paged-lists.ts';
import { parsePath, resourceKinds } from './resources.ts';
import type { Target } from './resources.ts';
import { StatusError, badRequest, expired, notFound } from './status-error.ts';
import { WatchStream } from './watch-stream.ts';

export interface LoggedRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly user: string;
  readonly contentType: string | undefined;
  readonly body: AnyJson;
  /** 0 while it is not answered. */
  code: number;
}

export type { StoredObject } from './object-store.ts';
export { StatusError } from './status-error.ts';

export interface ApiFakeOptions {
  readonly nodeName?: string;
  /** PEM: HTTPS with this certificate, and client certificates of `authority` count. Without it plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly authority: string };
}

export async function startApiFake({ nodeName = 'fake-node', tls }: ApiFakeOptions = {}): Promise<ApiFake> {
  const directory = await mkdtemp(join(tmpdir(), 'api-fake-'));
  const fake = new ApiFake(directory, nodeName, tls);
  await fake.listen();
  return fake;
}

export class ApiFake {
  readonly nodeName: string;
  readonly objects = new ObjectStore();
  readonly faults = new Faults();
  readonly requests: LoggedRequest[] = [];
  readonly #directory: string;
  readonly #operations = new ApiOperations(this.objects);
  readonly #server: Server;
  readonly #tls: ApiFakeOptions['tls'];
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<WatchStream>();
  readonly #lists = new PagedLists(this.objects);
  #away = false;

  constructor(directory: string, nodeName: string, tls: ApiFakeOptions['tls']) {
    this.#directory = directory;
    this.nodeName = nodeName;
    this.#tls = tls;
    const serve = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    this.#server = tls === undefined ? createServer(serve) : createSecureServer({ cert: tls.cert, key: tls.key, ca: tls.authority, requestCert: true, rejectUnauthorized: false }, serve);
    this.#server.on('connection', (socket: Socket) => {
      if (this.#away) socket.destroy();
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    for (const name of ['default', 'kube-system', 'kube-node-lease']) this.objects.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    await this.writeKubeconfig(this.nodeName);
  }

  get url(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Of the node that the fake was started for. */
  get kubeconfigPath(): string {
    return join(this.#directory, `${this.nodeName}.kubeconfig`);
  }

  get answers(): Answers {
    return this.#operations.answers;
  }

  /** A kubeconfig for a node's name, or for the users `admin` and `bootstrap`. */
  async writeKubeconfig(user: string): Promise<string> {
    const path = join(this.#directory, `${user}.kubeconfig`);
    const token = user === 'admin' || user === 'bootstrap' ? user : `node:${user}`;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster: { server: this.url, ...(this.#tls === undefined ? {} : { 'certificate-authority-data': Buffer.from(this.#tls.authority).toString('base64') }) } }],
      users: [{ name: user, user: { token } }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user } }],
      'current-context': 'fake',
    };
    await writeFile(path, JSON.stringify(config), { mode: 0o600 });
    return path;
  }

  /** Creates an object as an administrator would; a pod without spec.nodeName is bound to this node, as by the scheduler. */
  create(resource: string, object: Record<string, AnyJson>): StoredObject {
    const kind = resourceKinds.find((candidate) => candidate.resource === resource);
    if (kind === undefined) throw new Error(`the fake knows no ${resource}`);
    const metadata = { ...(kind.namespaced ? { namespace: 'default' } : {}), ...(object['metadata'] as object) };
    const spec = resource === 'pods' ? { nodeName: this.nodeName, ...(object['spec'] as object) } : object['spec'];
    const body = { apiVersion: kind.apiVersion, kind: kind.kind, ...object, metadata, ...(spec === undefined ? {} : { spec }) };
    return this.#operations.create({ kind, namespace: metadata.namespace, name: undefined, subresource: undefined }, body, { kind: 'admin' }) as StoredObject;
  }

  /** A JSON merge patch as an administrator. */
  patch(resource: string, namespace: string | undefined, name: string, patch: object, subresource?: string): StoredObject {
    return this.#operations.patch(this.#target(resource, namespace, name, subresource), 'application/merge-patch+json', patch, { kind: 'admin' });
  }

  /** As `kubectl delete`: a bound pod gets its grace. */
  delete(resource: string, namespace: string | undefined, name: string, options: object = {}): void {
    this.#operations.delete(this.#target(resource, namespace, name), options);
  }

  /** The history is gone and every open watch is told so: 410. */
  expireWatches(): void {
    this.objects.compact();
    for (const watch of [...this.#watches]) watch.fail(expired());
  }

  bookmark(): void {
    for (const watch of this.#watches) watch.bookmark(this.objects.version);
  }

  /** Open watches, all or of one resource. */
  watches(resource?: string): readonly WatchStream[] {
    return [...this.#watches].filter(({ kind }) => resource === undefined || kind.resource === resource);
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nobody answers until the returned function is called. */
  outage(): () => void {
    this.#away = true;
    this.dropConnections();
    return () => {
      this.#away = false;
    };
  }

  /** Resolves when `found` gives something; tried after every change and every request. */
  async until<T>(what: string, found: () => T | undefined | false, milliseconds = 10_000): Promise<T> {
    const end = Date.now() + milliseconds;
    for (;;) {
      const result = found();
      if (result !== undefined && result !== false) return result;
      if (Date.now() > end) throw new Error(`waited ${milliseconds} ms in vain: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.dropConnections();
    await closed;
    await rm(this.#directory, { recursive: true, force: true });
  }

  #target(resource: string, namespace: string | undefined, name: string, subresource?: string): Target {
    return { kind: resourceKinds.find((candidate) => candidate.resource === resource)!, namespace, name, subresource };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const method = request.method ?? 'GET';
    let text = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
    const logged: LoggedRequest = { method, url: request.url ?? '/', user: request.headers.authorization ?? '', contentType: request.headers['content-type'], body: undefined, code: 0 };
    this.requests.push(logged);
    response.once('close', () => (logged.code = response.headersSent ? response.statusCode : 0));
    const fault = this.faults.take(method, url.pathname);
    try {
      if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
      if (fault?.kind === 'drop') return void response.destroy();
      if (fault?.kind === 'hang') return;
      if (fault?.kind === 'refuse') throw fault.error;
      const body: unknown = text === '' ? undefined : parseJson(text);
      (logged as { body: unknown }).body = body;
      const answer = this.#answer(request, response, url, method, body);
      if (answer === undefined) return;
      if (fault?.kind === 'lose-answer') return void response.destroy();
      send(response, method === 'POST' ? 201 : 200, answer);
    } catch (error) {
      const status = error instanceof StatusError ? error : new StatusError(500, 'InternalError', error instanceof Error ? (error.stack ?? error.message) : String(error));
      if (status.retryAfter !== undefined) response.setHeader('retry-after', String(status.retryAfter));
      send(response, status.code, status.status);
    }
  }

  /** Undefined: a watch has taken the response over. */
  #answer(request: IncomingMessage, response: ServerResponse, url: URL, method: string, body: unknown): object | undefined {
    if (url.pathname === '/version') return { major: '1', minor: '37', gitVersion: 'v1.37.2' };
    const user = authenticate(request.headers.authorization, commonName(request.socket));
    const target = parsePath(url.pathname);
    if (target === undefined) throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
    const selector = parseFieldSelector(url.searchParams.get('fieldSelector'));
    const watch = url.searchParams.get('watch') === 'true' || url.searchParams.get('watch') === '1';
    authorize(user, { verb: verbOf(method, target, watch), target, fieldSelector: selector }, this.objects);
    switch (method) {
      case 'GET':
        if (target.name !== undefined) return this.objects.get(target.kind.resource, target.namespace, target.name) ?? raise(notFound(`${target.kind.resource} "${target.name}"`));
        if (watch) return this.#watch(target, url, selector, response);
        return this.#lists.page(target, url.searchParams, selector);
      case 'POST':
        return this.#operations.create(target, record(body), user);
      case 'PUT':
        return this.#operations.replace(target, record(body));
      case 'PATCH':
        return this.#operations.patch(target, request.headers['content-type'] ?? '', body, user);
      case 'DELETE': {
        const seconds = url.searchParams.get('gracePeriodSeconds');
        return this.#operations.delete(target, { ...(seconds === null ? {} : { gracePeriodSeconds: Number(seconds) }), ...(body === undefined ? {} : record(body)) });
      }
      default:
        throw new StatusError(405, 'MethodNotAllowed', method);
    }
  }

  #watch(target: Target, url: URL, selector: ReadonlyMap<string, string>, response: ServerResponse): undefined {
    const version = url.searchParams.get('resourceVersion');
    if (version === null || !/^\d+$/.test(version)) throw badRequest('the fake wants a resourceVersion to watch from');
    const timeoutSeconds = Number(url.searchParams.get('timeoutSeconds'));
    if (!(timeoutSeconds > 0)) throw badRequest('a watch without timeoutSeconds can hang for ever');
    const stream = new WatchStream(
      { kind: target.kind, namespace: target.namespace, selector, resourceVersion: Number(version), bookmarks: url.searchParams.get('allowWatchBookmarks') === 'true', timeoutSeconds },
      response,
      this.objects,
      (closed) => this.#watches.delete(closed),
    );
    if (!response.writableEnded) this.#watches.add(stream);
    return undefined;
  }
}
