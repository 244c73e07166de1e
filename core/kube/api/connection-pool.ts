import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSMaterial } from './credentials.ts';
import type { ClusterAccess } from './kubeconfig.ts';

/** Short calls wait for a socket beyond this many; watches have sockets of their own, so neither can starve the other. */
const callSockets = 32;
/** kube-apiserver closes an idle connection after 90 s; ours must be gone before. */
const idleMilliseconds = 60_000;
const probeMilliseconds = 30_000;

/** The connections made with one set of credentials. A retired pool lets its calls finish and cuts its streams. */
export class ConnectionPool {
  readonly generation: string;
  readonly #secure: boolean;
  readonly #calls: http.Agent;
  readonly #streams: http.Agent;
  #active = 0;
  #retired = false;

  constructor(access: ClusterAccess, tls: TLSMaterial, generation: string, environment: NodeJS.ProcessEnv) {
    this.generation = generation;
    this.#secure = access.server.startsWith('https:');
    const options: https.AgentOptions = {
      ...tls,
      rejectUnauthorized: !access.insecureSkipTLSVerify,
      proxyEnv: access.proxyURL === undefined ? environment : { HTTP_PROXY: access.proxyURL, HTTPS_PROXY: access.proxyURL },
      ...(access.tlsServerName === undefined ? {} : { servername: access.tlsServerName }),
    };
    const Agent = this.#secure ? https.Agent : http.Agent;
    this.#calls = new Agent({ ...options, keepAlive: true, maxSockets: callSockets, timeout: idleMilliseconds });
    this.#streams = new Agent({ ...options, keepAlive: false });
  }

  /** Resolves at the response's headers. `opened` gets the request before: it tells whether a kept connection was taken. */
  request(kind: 'call' | 'stream', url: URL, options: http.RequestOptions, body: string | undefined, opened: (request: http.ClientRequest) => void): Promise<http.IncomingMessage> {
    const agent = kind === 'call' ? this.#calls : this.#streams;
    return new Promise((resolve, reject) => {
      const request = (this.#secure ? https : http).request(url, { ...options, agent });
      this.#active++;
      request.once('close', () => {
        this.#active--;
        if (this.#retired && this.#active === 0) this.#calls.destroy();
      });
      request.once('response', resolve);
      request.on('error', reject);
      if (kind === 'stream') request.once('socket', (socket: Duplex & { setKeepAlive?: (on: boolean, delay: number) => void }) => socket.setKeepAlive?.(true, probeMilliseconds));
      opened(request);
      request.end(body);
    });
  }

  retire(): void {
    this.#retired = true;
    this.#streams.destroy();
    if (this.#active === 0) this.#calls.destroy();
  }

  /** Cuts everything at once. */
  destroy(): void {
    this.#retired = true;
    this.#streams.destroy();
    this.#calls.destroy();
  }
}
