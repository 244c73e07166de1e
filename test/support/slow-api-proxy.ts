import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ClusterAccess, User } from '../cluster/cluster-access.ts';

export interface SlowApiProxy {
  /** `https://127.0.0.1:PORT`, with a certificate of the cluster's authority. */
  readonly url: string;
  /** Status writes that have been held back so far. */
  readonly delayed: number;
  stop(): Promise<void>;
}

/**
 * Stands between one node and its API server and holds each write of a pod's status back.
 *
 * @param user whom all that comes through is said to come from
 */
export async function startSlowApiProxy(cluster: ClusterAccess, user: User, milliseconds: number): Promise<SlowApiProxy> {
  const read = (file: string): Promise<string> => readFile(join(cluster.pki, file), 'utf8');
  const identity = await cluster.issueClientCertificate(user);
  const upstream = new URL(cluster.url);
  const agent = new Agent({ keepAlive: true, ca: await read('ca.crt'), cert: identity.certificate, key: identity.key });
  const timers = new Set<NodeJS.Timeout>();
  let delayed = 0;

  const forward = (incoming: IncomingMessage, response: ServerResponse, body: Buffer): void => {
    if (response.destroyed) return;
    const outgoing = request({ host: upstream.hostname, port: upstream.port, method: incoming.method, path: incoming.url, headers: incoming.headers, agent }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      // A watch may have nothing to say for long.
      response.flushHeaders();
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    outgoing.end(body);
  };

  const server = createServer({ cert: await read('apiserver.crt'), key: await read('apiserver.key') }, (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => response.destroy());
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      if (incoming.method !== 'PATCH' || !/\/pods\/[^/]+\/status/.test(incoming.url!)) return forward(incoming, response, body);
      delayed++;
      const timer = setTimeout(() => {
        timers.delete(timer);
        forward(incoming, response, body);
      }, milliseconds);
      timers.add(timer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get delayed() {
      return delayed;
    },
    stop: () => new Promise((resolve) => {
      for (const timer of timers) clearTimeout(timer);
      server.close(() => resolve());
      server.closeAllConnections();
      agent.destroy();
    }),
  };
}
