import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, ListenOptions } from 'node:net';
import type { Duplex } from 'node:stream';
import { emptyBody } from './body.ts';
import type { ErrorCode } from './error-code.ts';
import { FieldError, FieldList, largestFieldSection } from './field-list.ts';
import { isAuthority, isPathWithQuery, methodFrom } from './message.ts';
import type { HttpHandler, HttpResponse } from './message.ts';
import { NodeBody } from './node-body.ts';
import { sendBody } from './send-body.ts';

/** Connections at once; more are closed when they come. */
const mostConnections = 1024;
/** Requests in the handler at once; more wait for their turn. */
const mostRequests = 64;
/** Requests that wait; more are answered 503. */
const mostWaiting = 512;
/** For a request's head to come in. */
const headTimeoutMilliseconds = 60_000;

export interface FrontOptions {
  readonly handler: HttpHandler;
  /** Told of each handler that ended otherwise than by an answer. */
  readonly failed: (error: unknown, request: { readonly method: string; readonly path: string }) => void;
}

/** What HTTP clients talk to: HTTP/1.1 in front of a handler. */
export class HttpFront {
  readonly #options: FrontOptions;
  readonly #server: Server;
  readonly #waiting: (() => void)[] = [];
  #active = 0;
  #draining = false;
  #idle = Promise.withResolvers<void>();

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#server = createServer({ maxHeaderSize: largestFieldSection, headersTimeout: headTimeoutMilliseconds, requestTimeout: 0, keepAliveTimeout: 5_000, noDelay: true });
    this.#server.maxConnections = mostConnections;
    this.#server.on('request', (message, response) => void this.#serve(message, response));
    // A client that speaks no HTTP is answered once, if it still listens.
    this.#server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      else socket.destroy();
    });
  }

  /** Requests that are being handled or wait for it. */
  get active(): number {
    return this.#active + this.#waiting.length;
  }

  /** @throws Node's error when the address cannot be had */
  async listen(options: ListenOptions): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(options, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    return this.#server.address() as AddressInfo;
  }

  /** Serves a connection that was accepted elsewhere. */
  accept(connection: Duplex): void {
    this.#server.emit('connection', connection);
  }

  /** Takes no new connections and resolves when every request has been answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.active > 0) await this.#idle.promise;
  }

  /** Cuts what is left. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    if (this.#draining) response.setHeader('Connection', 'close');
    if (!(await this.#turn())) {
      refuse(response, 503);
      return;
    }
    try {
      if (!response.destroyed) await this.#handle(message, response);
    } finally {
      this.#active--;
      this.#waiting.shift()?.();
      if (this.#draining && this.active === 0) this.#idle.resolve();
    }
  }

  /** False when too many wait already. */
  async #turn(): Promise<boolean> {
    if (this.#active >= mostRequests) {
      if (this.#waiting.length >= mostWaiting) return false;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#active++;
    return true;
  }

  async #handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = requestFrom(message);
    if (request === undefined) {
      refuse(response, 400);
      return;
    }
    let sending: Promise<void> | undefined;
    try {
      await this.#options.handler(request, (answer) => {
        sending ??= 'tag' in answer ? refusal(response, answer) : send(answer, response, message.method === 'HEAD');
        sending.catch(() => {});
      });
      if (sending === undefined) refuse(response, 500);
      await sending;
    } catch (error) {
      this.#options.failed(error, { method: message.method!, path: new URL(message.url!, 'http://host').pathname });
      if (response.headersSent) response.destroy();
      else refuse(response, 500);
    }
  }
}

/** Undefined for what is no request of HTTP's. */
function requestFrom(message: IncomingMessage): Parameters<HttpHandler>[0] | undefined {
  const authority = message.headers.host ?? 'localhost';
  const target = message.url!;
  // A proxy's absolute form carries its own authority; a front that is no proxy takes the path (RFC 9112 §3.2.2).
  const path = target.startsWith('/') || target === '*' ? target : `${URL.parse(target)?.pathname ?? ''}${URL.parse(target)?.search ?? ''}`;
  if (!isAuthority(authority) || path === '' || !isPathWithQuery(path)) return undefined;
  try {
    return {
      method: methodFrom(message.method!),
      scheme: { tag: 'HTTP' },
      authority,
      pathWithQuery: path,
      fields: FieldList.received(message.rawHeaders).freeze(),
      body: new NodeBody(message, { incomplete: { tag: 'connection-terminated' }, ends: false }),
    };
  } catch (error) {
    if (error instanceof FieldError) return undefined;
    throw error;
  }
}

function refuse(response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'Content-Length': 0 }).end();
}

/** The handler answered that there is no answer. */
async function refusal(response: ServerResponse, code: ErrorCode): Promise<void> {
  refuse(response, code.tag === 'HTTP-response-timeout' || code.tag === 'connection-timeout' ? 504 : 500);
  return Promise.resolve();
}

/** @throws HttpFailure when the body breaks off, or the client is gone */
async function send({ status, fields, body }: HttpResponse, response: ServerResponse, isHead: boolean): Promise<void> {
  if (status < 200) throw new RangeError(`a response cannot have the status ${status}`);
  const headers = fields.toRaw();
  const bodiless = isHead || status === 204 || status === 304;
  const { contentLength } = fields;
  if (body === emptyBody && !bodiless && contentLength === undefined) headers.push('Content-Length', '0');
  if (fields.has('date')) response.sendDate = false;
  response.writeHead(status, headers);
  // The client should not wait for a body that comes late.
  response.flushHeaders();
  const gone = (): void => body.cancel();
  response.once('close', gone);
  if (bodiless) {
    body.cancel();
    response.end();
    return;
  }
  try {
    await sendBody(body, response, contentLength, 'HTTP-response-body-size');
  } finally {
    response.off('close', gone);
  }
}
