import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../api/clock.ts';
import type { Engine } from '../api/engine.ts';
import { isAbort, messageOf, WasmletError } from '../api/errors.ts';
import type { Event } from '../api/kubernetes.ts';
import type { Logger } from '../api/logger.ts';
import type { PluginOutcome } from '../api/plugin.ts';
import type { ReviewClient } from '../kube/kube.ts';
import type { PodDirectory } from '../kubelet/kubelet.ts';
import { Authenticator } from './authenticator.ts';
import { healthRoutes, listenHealth, type HealthCheck } from './health.ts';
import { newLocalToken, removeLocalEndpoint, writeLocalEndpoint } from './local-endpoint.ts';
import { containerLogsRoute } from './logs/container-logs.ts';
import type { NodeMetrics } from './node-metrics.ts';
import { podRoutes, unsupportedRoutes } from './pod-routes.ts';
import { statsRoutes } from './stats/stats-routes.ts';
import type { Reloadable } from '../api/reloadable.ts';
import type { ServingCertificate } from './serving-certificate.ts';
import { answerJson, answerText, matchRoute, type Route } from './router.ts';

export interface KubeletServerOptions {
  readonly nodeName: string;
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** The plain-HTTP health port; port 0 here too is any free one. Absent: none. */
  readonly healthz?: { readonly address: string; readonly port: number };
  /** While there is none, TLS handshakes fail. */
  readonly certificate: Reloadable<ServingCertificate>;
  /** PEM of the authority of clients' certificates. While there is none, certificates count for nothing. */
  readonly clientCA: Reloadable<string>;
  readonly reviews: ReviewClient;
  /** `<root-dir>/local`. */
  readonly localDirectory: string;
  readonly pods: PodDirectory;
  readonly engine: Pick<Engine, 'podSandbox' | 'listPodSandboxes' | 'containerStats'>;
  readonly metrics: NodeMetrics;
  readonly healthChecks: readonly HealthCheck[];
  /** Events about a pod, oldest first, for `wasmlet describe`; undefined when the cluster has them and the node does not. */
  readonly recentEvents: (podUid: string) => readonly Event[] | undefined;
  readonly plugins: () => readonly PluginOutcome[];
  readonly clock: Clock;
  readonly logger: Logger;
}

const handshakeTimeout = 10_000;
/** Longer than the apiserver keeps an idle connection (Go: 90 s), so that the client is the one who closes. */
const keepAliveTimeout = 120_000;
const closeDeadline = 1000;

/** The node's HTTPS port (contract §6). */
export class KubeletServer {
  readonly #options: KubeletServerOptions;
  readonly #routes: readonly Route[];
  readonly #authenticator: Authenticator;
  readonly #localToken = newLocalToken();
  readonly #stop = new AbortController();
  readonly #subscriptions: (() => void)[] = [];
  #server: Server | undefined;
  #health: HttpServer | undefined;
  #endpointWrites: Promise<void> = Promise.resolve();

  constructor(options: KubeletServerOptions) {
    this.#options = options;
    this.#authenticator = new Authenticator({
      nodeName: options.nodeName,
      reviews: options.reviews,
      localToken: this.#localToken,
      hasClientCA: () => options.clientCA.current() !== undefined,
    });
    this.#routes = [
      ...healthRoutes(options.healthChecks),
      ...podRoutes(options.pods, options.engine),
      containerLogsRoute(options),
      ...statsRoutes(options),
      { pattern: '/metrics', methods: ['GET'], handle: (_, response) => this.#sendMetrics(response) },
      { pattern: '/wasmlet/v1/events/{uid}', methods: ['GET'], handle: ({ parameters }, response) => answerJson(response, { items: options.recentEvents(parameters['uid']!) }) },
      { pattern: '/wasmlet/v1/sandboxes', methods: ['GET'], handle: (_, response) => answerJson(response, { items: options.engine.listPodSandboxes() }) },
      { pattern: '/wasmlet/v1/plugins', methods: ['GET'], handle: (_, response) => answerJson(response, { items: options.plugins() }) },
      ...unsupportedRoutes(options.pods),
    ];
  }

  /** Listens on both ports and leaves the local credential. Throws ADDRESS_UNUSABLE. */
  async start(): Promise<{ readonly port: number; readonly healthzPort?: number }> {
    const { address, port, healthz, certificate, clientCA, healthChecks } = this.#options;
    const server = createServer(
      { ...this.#secureContext(), requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.2', handshakeTimeout, keepAliveTimeout },
      (incoming, response) => void this.#serve(incoming, response),
    );
    this.#server = server;
    server.on('tlsClientError', (error) => this.#options.logger.debug({ reason: messageOf(error) }, 'TLS handshake failed'));
    try {
      await listening(server, port, address);
      if (healthz) this.#health = await listenHealth(healthz.address, healthz.port, healthChecks);
    } catch (error) {
      await this.stop();
      throw new WasmletError('ADDRESS_UNUSABLE', `cannot listen: ${messageOf(error)}`, { cause: error });
    }
    this.#subscriptions.push(certificate.onChange(() => this.#reload()), clientCA.onChange(() => this.#reload()));
    this.#publishEndpoint();
    await this.#endpointWrites;
    return { port: portOf(server), ...(this.#health && { healthzPort: portOf(this.#health) }) };
  }

  /** Ends every request, log followers included. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    await Promise.all([this.#server, this.#health].flatMap((server) => (server ? [this.#close(server)] : [])));
    await this.#endpointWrites;
    if (this.#server) await removeLocalEndpoint(this.#options.localDirectory);
    this.#server = undefined;
    this.#health = undefined;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      await this.#answer(incoming, response, AbortSignal.any([gone.signal, this.#stop.signal]));
    } catch (error) {
      if (isAbort(error)) return;
      this.#options.logger.error({ error, path: incoming.url }, 'request failed');
      if (response.headersSent) response.destroy();
      else answerText(response, 500, 'Internal Server Error');
    }
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const method = incoming.method ?? '';
    const user = await this.#authenticator.authenticate(incoming).catch((error: unknown) => {
      this.#options.logger.warn({ reason: messageOf(error) }, 'authentication failed');
      return undefined;
    });
    if (!user) return answerText(response, 401, 'Unauthorized');
    // A target in absolute form or `*` is for proxies.
    if (!incoming.url?.startsWith('/')) return answerText(response, 400, 'Bad Request');
    const url = new URL(`https://node${incoming.url}`);
    const verdict = await this.#authenticator.authorize(user, method, url.pathname);
    if (!verdict.allowed) return answerText(response, verdict.status, verdict.text);
    const match = matchRoute(this.#routes, method, url.pathname);
    switch (match.kind) {
      case 'found':
        this.#options.metrics.requestServed(method, match.route.pattern.split('/')[1] ?? '', url.searchParams.has('follow'));
        return match.route.handle({ incoming, query: url.searchParams, parameters: match.parameters, signal }, response);
      case 'method not allowed':
        response.setHeader('allow', match.allow.join(', '));
        return answerText(response, 405, '405: Method Not Allowed');
      case 'not found':
        return answerText(response, 404, '404 page not found\n');
      case 'malformed':
        return answerText(response, 400, 'Bad Request');
    }
  }

  async #sendMetrics(response: ServerResponse): Promise<void> {
    const { contentType, body } = await this.#options.metrics.text();
    response.writeHead(200, { 'content-type': contentType }).end(body);
  }

  /** What is under way may end well, a slow client is not waited for. */
  async #close(server: Server | HttpServer): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(closeDeadline, () => server.closeAllConnections());
      server.close(() => {
        cancel();
        resolve();
      });
    });
  }

  #secureContext(): { cert?: string; key?: string; ca?: string } {
    const { certificate, clientCA } = this.#options;
    const ca = clientCA.current();
    return { ...certificate.current(), ...(ca !== undefined && { ca }) };
  }

  /** New handshakes get the new certificate and authority; open connections go on. */
  #reload(): void {
    try {
      this.#server?.setSecureContext({ ...this.#secureContext(), minVersion: 'TLSv1.2' });
      this.#publishEndpoint();
    } catch (error) {
      this.#options.logger.error({ error }, 'new certificate not taken; the old one stays in force');
    }
  }

  #publishEndpoint(): void {
    const { address, localDirectory, certificate, logger } = this.#options;
    const url = `https://${reachable(address)}:${portOf(this.#server!)}`;
    const { cert } = certificate.current() ?? {};
    this.#endpointWrites = this.#endpointWrites
      .then(() => writeLocalEndpoint(localDirectory, { url, token: this.#localToken, ...(cert !== undefined && { certificate: cert }) }))
      .catch((error: unknown) => logger.error({ error }, 'local endpoint not written; wasmlet ps, logs and describe will not find this node'));
  }
}

/** The address by which this machine reaches a listener. */
function reachable(address: string): string {
  if (address === '0.0.0.0' || address === '') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return address.includes(':') ? `[${address}]` : address;
}

function portOf(server: { address(): string | AddressInfo | null }): number {
  return (server.address() as AddressInfo).port;
}

function listening(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
