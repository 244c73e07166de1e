import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { AddressProhibited } from '../network/network-policy.ts';
import type { NetworkPolicy } from '../network/network-policy.ts';
import { HttpFailure, errorCodeOf } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';
import { FieldList, largestFieldSection } from './field-list.ts';
import { methodText } from './message.ts';
import type { HttpResponse, OutgoingRequest } from './message.ts';
import { NodeBody } from './node-body.ts';
import { ended, sendBody } from './send-body.ts';

/** Connections that one container has open at once; more requests wait. */
const mostConnections = 64;
/** Where the guest sets none. */
const defaultTimeoutMilliseconds = 600_000;

/** A request that is under way. */
export interface SentRequest {
  /** Rejects with HttpFailure. */
  readonly response: Promise<HttpResponse>;
  /** How sending it went: it may end after the response has come. Rejects with HttpFailure. */
  readonly sent: Promise<void>;
}

/** Sends a container's outgoing requests: HTTP/1.1 over TCP or TLS, to addresses that the policy permits. */
export class HttpClient {
  readonly #policy: NetworkPolicy;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor(policy: NetworkPolicy) {
    this.#policy = policy;
    const options = { keepAlive: true, maxTotalSockets: mostConnections, maxSockets: mostConnections };
    this.#http = new HttpAgent(options);
    this.#https = new HttpsAgent(options);
  }

  send(request: OutgoingRequest): SentRequest {
    const started = this.#start(request);
    const response = started.then(({ response }) => response);
    const sent = started.then(({ sent }) => sent);
    // Either may be of no interest to the guest.
    response.catch(() => {});
    sent.catch(() => {});
    return { response, sent };
  }

  /** Ends every connection. */
  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #start(request: OutgoingRequest): Promise<SentRequest> {
    const options = this.#optionsFor(request);
    const secure = options.protocol === 'https:';
    const sending = secure ? requestHttps({ ...options, agent: this.#https }) : requestHttp({ ...options, agent: this.#http });
    const response = responseTo(sending, request);
    const sent = this.#sendBody(request, sending);
    // What cannot be sent cannot be answered, unless it was answered already.
    sent.catch((error: unknown) => sending.destroy(error as Error));
    response.catch(() => {
      request.body?.cancel();
      sending.destroy();
    });
    return { response, sent: sent.catch(async (error: unknown) => {
      // The connection's own failure tells more than that it is gone.
      await response.catch((cause: unknown) => { throw cause; });
      throw error;
    }) };
  }

  async #sendBody(request: OutgoingRequest, sending: ClientRequest): Promise<void> {
    try {
      if (request.body === undefined) await ended(sending);
      else await sendBody(request.body, sending, request.fields.contentLength, 'HTTP-request-body-size');
    } catch (error) {
      throw error instanceof HttpFailure ? error : new HttpFailure(errorCodeOf(error), { cause: error });
    }
  }

  #optionsFor(request: OutgoingRequest): RequestOptions {
    const scheme = request.scheme?.tag ?? 'HTTPS';
    if (scheme === 'other') throw new HttpFailure({ tag: 'HTTP-protocol-error' });
    if (!this.#policy.outgoing) throw new HttpFailure({ tag: 'HTTP-request-denied' });
    if (request.authority === undefined) throw new HttpFailure({ tag: 'HTTP-request-URI-invalid' });
    const protocol = scheme === 'HTTP' ? 'http:' : 'https:';
    const url = URL.parse(`${protocol}//${request.authority}/`);
    if (url === null || url.username !== '' || url.password !== '') throw new HttpFailure({ tag: 'HTTP-request-URI-invalid' });
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.#policy.permits(host)) throw new HttpFailure({ tag: 'destination-IP-prohibited' });
    const path = pathOf(request.pathWithQuery);
    const method = methodText(request.method);
    if (method === 'CONNECT') throw new HttpFailure({ tag: 'HTTP-request-denied' });
    return {
      protocol,
      host,
      port: url.port === '' ? (scheme === 'HTTP' ? 80 : 443) : Number(url.port),
      method,
      path,
      // As a list, so that Node changes neither case nor order, and adds no Host of its own.
      headers: headersFor(request),
      lookup: this.#lookup,
      maxHeaderSize: largestFieldSection,
      insecureHTTPParser: false,
      timeout: Math.min(...[request.timeouts?.connect].map(milliseconds)),
      setDefaultHeaders: false,
    };
  }

  readonly #lookup: LookupFunction = (host, options, callback) => {
    this.#policy.resolve(host).then(
      (addresses) => {
        const { family } = options;
        const wanted = addresses.filter((address) => family === undefined || family === 0 || family === 'IPv4' || family === 'IPv6' || address.family === family);
        const [first] = wanted;
        if (options.all === true) callback(null, wanted);
        else if (first !== undefined) callback(null, first.address, first.family);
        else callback(new AddressProhibited(host), '');
      },
      (error: unknown) => callback(error as Error, ''),
    );
  };
}

/** In origin form (RFC 9112 §3.2.1) or `*`; nothing is the root. */
function pathOf(text = '/'): string {
  const path = text === '' || text.startsWith('?') ? `/${text}` : text;
  if (!path.startsWith('/') && path !== '*') throw new HttpFailure({ tag: 'HTTP-request-URI-invalid' });
  return path.replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}

function headersFor({ fields, authority, body, method }: OutgoingRequest): string[] {
  const headers = ['Host', authority!, ...fields.toRaw()];
  // Without a length, a body goes in chunks; without a body, methods that usually have one say so.
  if (body !== undefined) {
    if (fields.contentLength === undefined) headers.push('Transfer-Encoding', 'chunked');
  } else if (!fields.has('content-length') && ['post', 'put', 'patch'].includes(method.tag)) headers.push('Content-Length', '0');
  return headers;
}

function milliseconds(nanoseconds: bigint | undefined): number {
  return nanoseconds === undefined ? defaultTimeoutMilliseconds : Math.min(2 ** 31 - 1, Math.max(1, Math.ceil(Number(nanoseconds) / 1e6)));
}

function responseTo(sending: ClientRequest, request: OutgoingRequest): Promise<HttpResponse> {
  const { timeouts } = request;
  return new Promise<HttpResponse>((resolve, reject) => {
    const fail = (code: ErrorCode, cause?: unknown): void => reject(new HttpFailure(code, { cause }));
    sending.once('error', (error) => fail(error instanceof AddressProhibited ? { tag: 'destination-IP-prohibited' } : errorCodeOf(error), error));
    // The socket's idle timer: until there is a connection, then until the answer begins, then between its pieces.
    let idle: ErrorCode = { tag: 'connection-timeout' };
    sending.once('socket', (socket) => {
      const connected = (): void => {
        idle = { tag: 'HTTP-response-timeout' };
        sending.setTimeout(milliseconds(timeouts?.firstByte));
      };
      if (socket.connecting) socket.once(sending.protocol === 'https:' ? 'secureConnect' : 'connect', connected);
      else connected();
    });
    sending.on('timeout', () => {
      fail(idle);
      sending.destroy(new HttpFailure(idle));
    });
    sending.once('response', (message: IncomingMessage) => {
      idle = { tag: 'connection-read-timeout' };
      sending.setTimeout(milliseconds(timeouts?.betweenBytes));
      try {
        resolve({ status: message.statusCode!, fields: FieldList.received(message.rawHeaders).freeze(), body: new NodeBody(message, { incomplete: { tag: 'HTTP-response-incomplete' }, ends: true }) });
      } catch (error) {
        message.destroy();
        fail({ tag: 'HTTP-response-header-section-size', val: undefined }, error);
      }
    });
    // Nobody asked for another protocol, and no tunnel is wanted.
    sending.once('upgrade', (_message, socket) => {
      socket.destroy();
      fail({ tag: 'HTTP-upgrade-failed' });
    });
  });
}
