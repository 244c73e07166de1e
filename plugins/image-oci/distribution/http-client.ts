import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import type { ErrorCode } from '../../../core/api/errors.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly progress?: (sentBytes: number) => void;
}

export interface HttpClientOptions {
  /** PEM text, trusted beside the system's authorities. */
  readonly ca?: string;
  /** A connection on which nothing comes or goes for so long has failed. */
  readonly stallMilliseconds: number;
  readonly signal: AbortSignal;
}

class StallError extends Error {}

const chunkBytes = 64 * 1024;

/**
 * HTTP/1.1 for one operation on a repository: connections are kept between its requests and closed with it. It follows no redirect and
 * knows no credentials; both are decisions of its caller. Of Node's clients this one starts without loading anything more.
 */
export class HttpClient {
  readonly #stallMilliseconds: number;
  readonly #signal: AbortSignal;
  readonly #http: http.Agent;
  readonly #https: https.Agent;

  constructor(options: HttpClientOptions) {
    this.#stallMilliseconds = options.stallMilliseconds;
    this.#signal = options.signal;
    this.#http = new http.Agent({ keepAlive: true });
    this.#https = new https.Agent({ keepAlive: true, ...(options.ca === undefined ? {} : { ca: [...tls.getCACertificates('default'), options.ca] }) });
  }

  /** Rejects with the signal's reason, or with what `transportFailure` explains. The response's body must be read or destroyed. */
  send({ method, url, headers, body, progress }: HttpRequest): Promise<http.IncomingMessage> {
    this.#signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const request = (secure ? https : http).request(url, {
        method,
        agent: secure ? this.#https : this.#http,
        headers: { 'user-agent': 'wasmlet', 'accept-encoding': 'identity', ...headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
        signal: this.#signal,
        timeout: this.#stallMilliseconds,
      });
      let answered: http.IncomingMessage | undefined;
      request.on('timeout', () => (answered ?? request).destroy(new StallError()));
      request.on('error', reject);
      request.on('response', (response) => {
        answered = response;
        resolve(response);
      });
      sendBody(request, body, progress);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /** The body as it comes; ends with an error when the connection does before the body. */
  async *body(response: http.IncomingMessage): AsyncIterable<Uint8Array> {
    try {
      yield* response as AsyncIterable<Uint8Array>;
    } finally {
      response.destroy();
    }
  }

  /** The whole body, or undefined when it is longer than `limit` bytes. */
  async read(response: http.IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > limit) {
        response.destroy();
        return undefined;
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }
}

/** Piece by piece, so that `progress` follows the connection. A failure to send is the request's own error. */
function sendBody(request: http.ClientRequest, body: Uint8Array | undefined, progress: ((sentBytes: number) => void) | undefined): void {
  if (body === undefined) {
    request.end();
    return;
  }
  let sent = 0;
  const next = () => {
    if (request.destroyed) return;
    if (sent === body.length) {
      request.end();
      return;
    }
    const chunk = body.subarray(sent, sent + chunkBytes);
    request.write(chunk, () => {
      sent += chunk.length;
      progress?.(sent);
      next();
    });
  };
  next();
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was closed before the answer was complete',
  EPIPE: 'the connection was closed while it was written to',
  ENOTFOUND: 'its host name is unknown',
  EAI_AGAIN: 'its host name cannot be looked up now',
  EHOSTUNREACH: 'no route to its host',
  ENETUNREACH: 'no route to its network',
  ETIMEDOUT: 'the connection timed out',
  EPROTO: 'it does not speak TLS (is it a plain http registry? then registries[].plainHTTP)',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS (is it a plain http registry? then registries[].plainHTTP)',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS (is it a plain http registry? then registries[].plainHTTP)',
};
const untrusted = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT)/;

/** What a rejection of `send`, or an error of a body, means. */
export function transportFailure(error: unknown, stallMilliseconds: number): { readonly code: ErrorCode; readonly cause: string } {
  if (error instanceof StallError) return { code: 'REGISTRY_TIMEOUT', cause: `it sent nothing for ${stallMilliseconds / 1000} s` };
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (untrusted.test(code)) return { code: 'REGISTRY_UNAVAILABLE', cause: `its certificate is not trusted: ${message} (an authority of your own: registries[].ca)` };
  if (code.startsWith('HPE_')) return { code: 'REGISTRY_UNAVAILABLE', cause: `its answer is not HTTP: ${message}` };
  return { code: 'REGISTRY_UNAVAILABLE', cause: causes[code] ?? (message || code) };
}
