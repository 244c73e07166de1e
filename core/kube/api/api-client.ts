/**
 * A small client of the Kubernetes API: JSON over keep-alive HTTPS, a deadline on every call, Retry-After honoured, and
 * credentials that may change at any time. docs/adr/0009-own-api-client.md says why it is not client-node's.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Observable } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import type { Status } from '../../api/kubernetes.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import { ApiError } from './api-error.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Credentials } from './credentials.ts';
import type { ClusterAccess } from './kubeconfig.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the server's root: `/api/v1/…`. Segments are already escaped. */
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  /** Of a PATCH; the others send application/json. */
  readonly contentType?: 'application/strategic-merge-patch+json' | 'application/merge-patch+json';
  /** Milliseconds for the whole call, waits for Retry-After included. Default 30 s. */
  readonly deadline?: number;
}

export interface ApiClientOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly userAgent: string;
  /** What credential plugins inherit, and where HTTPS_PROXY and NO_PROXY come from. Default: nothing. */
  readonly environment?: NodeJS.ProcessEnv;
}

const defaultDeadline = 30_000;
/** A line of a watch holds one object; etcd takes 1.5 MiB, and JSON can be a few times larger. */
const longestLine = 16 * 1024 * 1024;

export class ApiClient {
  readonly server: string;
  readonly #access: ClusterAccess;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #credentials: Credentials;
  #pool: ConnectionPool | undefined;
  #underWay = 0;

  constructor({ access, clock, logger, userAgent, environment = {} }: ApiClientOptions) {
    this.server = access.server;
    this.#access = access;
    this.#clock = clock;
    this.#logger = logger;
    this.#headers = { 'user-agent': userAgent, accept: 'application/json' };
    this.#environment = environment;
    this.#credentials = new Credentials(access, clock, environment);
  }

  /** Calls that have no answer yet; watches are none. */
  get underWay(): number {
    return this.#underWay;
  }

  /** The parsed answer. Throws ApiError for an answer that is no success, and the socket's error or a deadline's otherwise. */
  async call<T>(call: ApiCall): Promise<T> {
    const deadline = call.deadline ?? defaultDeadline;
    const timeout = new AbortController();
    const cancel = this.#clock.after(deadline, () => timeout.abort(new Error(`${describe(call)}: no answer within ${deadline / 1000} s`)));
    const end = this.#clock.monotonic() + deadline;
    this.#underWay += 1;
    try {
      for (let renewed = false; ; ) {
        try {
          return await this.#attempt<T>(call, timeout.signal);
        } catch (error) {
          timeout.signal.throwIfAborted();
          if (error instanceof ApiError && error.retryAfter !== undefined && this.#clock.monotonic() + error.retryAfter < end) {
            await this.#clock.sleep(error.retryAfter, timeout.signal);
          } else if (error instanceof ApiError && error.code === 401 && !renewed) {
            renewed = true;
            this.#credentials.invalidate();
          } else {
            throw error;
          }
        }
      }
    } finally {
      this.#underWay -= 1;
      cancel();
    }
  }

  /**
   * The lines of a streaming answer (a watch). Errors with ApiError when the server refuses, with the socket's error when
   * it breaks; completes when the server ends it. Unsubscribing closes the connection.
   */
  lines(call: Pick<ApiCall, 'path' | 'query'>): Observable<string> {
    return new Observable((subscriber) => {
      const stop = new AbortController();
      const run = async (): Promise<void> => {
        const response = await this.#send('stream', { method: 'GET', ...call }, stop.signal);
        let rest = '';
        for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
          const parts = (rest + chunk).split('\n');
          rest = parts.pop() ?? '';
          if (rest.length > longestLine) throw new Error(`${call.path}: a line of more than ${longestLine} characters`);
          for (const line of parts) if (line !== '') subscriber.next(line);
        }
        // Cut in the middle of an object: the next watch delivers it again, so the rest is no line.
      };
      run().then(
        () => subscriber.complete(),
        (error: unknown) => {
          if (error instanceof ApiError && error.code === 401) this.#credentials.invalidate();
          subscriber.error(error);
        },
      );
      return () => stop.abort();
    });
  }

  /** The credentials on disk have changed: read them again now and drop connections made with the old ones. */
  async reloadCredentials(): Promise<void> {
    this.#credentials.invalidate();
    await this.#currentPool();
  }

  close(): void {
    this.#pool?.destroy();
    this.#pool = undefined;
  }

  async #attempt<T>(call: ApiCall, signal: AbortSignal): Promise<T> {
    const response = await this.#send('call', call, signal);
    const text = await read(response);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async #send(kind: 'call' | 'stream', call: ApiCall, signal: AbortSignal): Promise<IncomingMessage> {
    const { pool, authorization } = await this.#currentPool();
    signal.throwIfAborted();
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = {
      ...this.#headers,
      ...(authorization === undefined ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    const url = new URL(this.server + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
    for (let again = false; ; again = true) {
      let request: ClientRequest | undefined;
      try {
        const response = await pool.request(kind, url, { method: call.method, headers, signal }, body, (opened) => (request = opened));
        if (response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300) return response;
        throw await refusal(response, call);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        // The server closed an idle connection just as we took it. Every write of ours may be sent twice: names and preconditions tell.
        if (again || error instanceof ApiError || request?.reusedSocket !== true) throw error;
      }
    }
  }

  async #currentPool(): Promise<{ pool: ConnectionPool; authorization: string | undefined }> {
    const { tls, generation, authorization } = await this.#credentials.current();
    if (this.#pool?.generation !== generation) {
      if (this.#pool !== undefined) this.#logger.info({ server: this.server }, 'Credentials changed, connections are made anew');
      this.#pool?.retire();
      this.#pool = new ConnectionPool(this.#access, tls, generation, this.#environment);
    }
    return { pool: this.#pool, authorization };
  }
}

/** `GET /api/v1/nodes/n`: how a call is named in errors. */
function describe(call: Pick<ApiCall, 'method' | 'path'>): string {
  return `${call.method} ${call.path}`;
}

async function read(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return text;
}

async function refusal(response: IncomingMessage, call: ApiCall): Promise<ApiError> {
  const code = response.statusCode ?? 0;
  const seconds = Number(response.headers['retry-after']);
  const retryAfter = (code === 429 || code >= 500) && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
  return new ApiError(code, statusOf(await read(response), code), describe(call), retryAfter);
}

function statusOf(text: string, code: number): Status {
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === 'Status') return status;
  } catch (error) {
    return { code, message: `HTTP ${code}: ${text.slice(0, 200).trim() || messageOf(error)}` };
  }
  return { code, message: `HTTP ${code}` };
}
