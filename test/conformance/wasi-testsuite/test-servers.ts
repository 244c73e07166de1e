import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServerDescription } from './test-description.ts';

/** Nobody listens there, and nobody is given it: it lies below the ports that the kernel hands out, as one that was just let go does not. */
const closedAddress = '127.0.0.1:1';

/** The HTTP servers of a test, on loopback; `env` tells the guest where they are. */
export class TestServers {
  readonly env: Readonly<Record<string, string>>;
  readonly #servers: readonly Server[];

  private constructor(env: Readonly<Record<string, string>>, servers: readonly Server[]) {
    this.env = env;
    this.#servers = servers;
  }

  static async start(descriptions: readonly ServerDescription[]): Promise<TestServers> {
    const env: Record<string, string> = {};
    const servers: Server[] = [];
    for (const description of descriptions) {
      const variable = `HTTP_SERVER_${description.name.toUpperCase()}`;
      if (description.kind === 'closed') {
        env[variable] = closedAddress;
        continue;
      }
      const server = createServer((message, response) => void answer(description, message, response));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
      env[variable] = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    }
    return new TestServers(env, servers);
  }

  close(): void {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}

async function answer({ endpoints = [] }: ServerDescription, message: IncomingMessage, response: ServerResponse): Promise<void> {
  let body: Buffer;
  try {
    body = Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>));
  } catch {
    return; // The guest broke the request off, which is what some tests are about.
  }
  response.sendDate = false;
  const endpoint = endpoints.find(({ method = 'GET', path = '/' }) => method === message.method && path === message.url);
  if (endpoint === undefined) {
    response.writeHead(404, { 'Content-Length': 0 }).end();
  } else if (endpoint.mode === 'echo-body') {
    response.writeHead(200, { 'Content-Length': body.length }).end(body);
  } else if (endpoint.mode === 'echo-headers') {
    const echoed = (prefix: string, raw: readonly string[]): string[] => raw.map((text, index) => (index % 2 === 0 ? `${prefix}${text.toLowerCase()}` : text));
    response.writeHead(200, [
      'x-request-method', message.method!, 'x-request-path', message.url!, ...echoed('x-echo-', message.rawHeaders), ...echoed('x-trailer-', message.rawTrailers),
      'Content-Length', '0', 'Connection', 'close',
    ]).end();
  } else {
    const { status = 200, headers = {}, body: text = '', chunks, trailers } = endpoint.response ?? {};
    if (chunks === undefined) {
      response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(text) }).end(message.method === 'HEAD' ? undefined : text);
      return;
    }
    response.writeHead(status, { ...headers, ...(trailers === undefined ? {} : { Trailer: Object.keys(trailers).join(', ') }) });
    for (const chunk of chunks) response.write(chunk);
    if (trailers !== undefined) response.addTrailers(trailers);
    response.end();
  }
}
