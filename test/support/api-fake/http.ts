/** The HTTP of a request, read and written. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { AnyJson } from './any-json.ts';
import type { Attributes } from './authorize.ts';
import type { Target } from './resources.ts';
import { StatusError, badRequest } from './status-error.ts';

/** Of a client certificate that our authority signed. */
export function commonName(socket: Socket | TLSSocket): string | undefined {
  if (!('authorized' in socket) || !socket.authorized) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

export function verbOf(method: string, target: Target, watch: boolean): Attributes['verb'] {
  if (method === 'GET') return target.name !== undefined ? 'get' : watch ? 'watch' : 'list';
  return ({ POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const)[method] ?? raise(new StatusError(405, 'MethodNotAllowed', method));
}

export function raise(error: Error): never {
  throw error;
}

export function record(body: unknown): Record<string, AnyJson> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('the body must be an object');
  return body as Record<string, AnyJson>;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('the body is not JSON');
  }
}

export function send(response: ServerResponse, code: number, body: object): void {
  if (response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
