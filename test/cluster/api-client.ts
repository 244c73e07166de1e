import { Agent, type RequestOptions, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { KeyPair } from './certificates.ts';

/** An API server, and who calls it. */
export interface ApiClientOptions {
  /** e.g. `https://127.0.0.1:6443` */
  readonly url: string;
  /** PEM of the API server's authority. */
  readonly authority: string;
  /** The client's certificate; its CN is the user, its Os are the groups. */
  readonly identity: KeyPair;
  /** Connections at most (default 16). */
  readonly connections?: number;
}

/** Any API object, as read: tests look at what they wrote themselves. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type ApiObject = any;

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: ApiObject;
}

/** The API server answered with a status of 300 or more; `message` holds the method, path, status and body. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** Kubernetes' API for tests and benchmarks: plain JSON over HTTPS, no retries, nothing hidden. */
export class ApiClient {
  readonly #options: RequestOptions;
  readonly #agent: Agent;

  constructor(options: ApiClientOptions) {
    const { hostname, port } = new URL(options.url);
    const { identity } = options;
    this.#options = { hostname, port, ca: options.authority, cert: identity.certificate, key: identity.key };
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 16 });
  }

  /**
   * @param path with its query, from the root: `/api/v1/nodes/a`
   * @param contentType of the body; a patch's form
   * @returns the JSON of the answer, or its text where it is none
   * @throws ApiError on a status of 300 or more; Error on a broken connection
   */
  async request(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<ApiObject> {
    const response = await this.#send(method, path, this.#agent, body, contentType);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    throwIfFailed(method, path, response, text);
    return (response.headers['content-type'] ?? '').startsWith('application/json') ? JSON.parse(text) : text;
  }

  /**
   * Watches a collection from now on. Where the server ends the watch (it does when its buffers run full), it goes on
   * from the last event. A broken connection and an ERROR event are unhandled rejections: they end the test.
   *
   * @param path of the collection, e.g. `/api/v1/pods`
   * @param query further parameters, e.g. `fieldSelector=…` (escaped)
   * @param onEvent called with each event and the `performance.now()` at which its bytes came
   * @returns a function that ends the watch
   */
  async watch(path: string, query: string, onEvent: (event: WatchEvent, at: number) => void): Promise<() => void> {
    const list = await this.request('GET', `${path}?limit=1&${query}`);
    const agent = new Agent();
    const open = async (version: string): Promise<IncomingMessage> => {
      const since = `${path}?watch=1&resourceVersion=${version}&${query}`;
      const response = await this.#send('GET', since, agent);
      throwIfFailed('GET', since, response, '');
      return response;
    };
    let version: string = list.metadata.resourceVersion;
    let response = await open(version);
    let ended = false;
    const follow = async (): Promise<void> => {
      for (;;) {
        await readLines(response, (line, at) => {
          const event = JSON.parse(line) as WatchEvent;
          if (event.type === 'ERROR') throw new Error(`the watch of ${path} failed: ${line}`);
          version = event.object.metadata.resourceVersion;
          onEvent(event, at);
        });
        if (ended) return;
        response = await open(version);
        if (ended) response.destroy();
      }
    };
    void follow().catch((error: unknown) => {
      if (!ended) throw error;
    });
    return () => {
      ended = true;
      response.destroy();
      agent.destroy();
    };
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, path: string, agent: Agent, body?: unknown, contentType?: string): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    // Node tells no length by itself for the body of a DELETE; the server would read it as the next request.
    const headers = payload === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(payload) };
    return new Promise((resolve, reject) => {
      const outgoing = request({ ...this.#options, method, path, agent, headers }, resolve);
      outgoing.once('error', reject);
      outgoing.end(payload);
    });
  }
}

function throwIfFailed(method: string, path: string, response: IncomingMessage, text: string): void {
  const status = response.statusCode ?? 0;
  if (status >= 300) throw new ApiError(status, `${method} ${path}: ${status} ${text.slice(0, 500)}`);
}

/** Calls back with each complete line and the `performance.now()` of the chunk that completed it. */
async function readLines(stream: IncomingMessage, onLine: (line: string, at: number) => void): Promise<void> {
  let pending = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const at = performance.now();
    const lines = (pending + (chunk as string)).split('\n');
    pending = lines.pop()!;
    for (const line of lines) onLine(line, at);
  }
}
