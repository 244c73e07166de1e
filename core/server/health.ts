import { createServer, type Server, type ServerResponse } from 'node:http';
import { answerText, matchRoute, type Route } from './router.ts';

export interface HealthCheck {
  readonly name: string;
  /** Undefined: well; else why not. Must answer at once. */
  readonly check: () => string | undefined;
}

/** `/healthz` and one path for each check (k8s.io/apiserver/pkg/server/healthz). */
export function healthRoutes(checks: readonly HealthCheck[]): Route[] {
  const all = [{ name: 'ping', check: () => undefined }, ...checks];
  return [
    { pattern: '/healthz', methods: ['GET', 'HEAD'], handle: ({ query }, response) => answerHealth(response, all, query.has('verbose')) },
    ...all.map((check): Route => ({ pattern: `/healthz/${check.name}`, methods: ['GET', 'HEAD'], handle: (_, response) => answerHealth(response, [check], false) })),
  ];
}

function answerHealth(response: ServerResponse, checks: readonly HealthCheck[], verbose: boolean): void {
  const results = checks.map(({ name, check }) => ({ name, failure: check() }));
  const well = results.every(({ failure }) => failure === undefined);
  if (well && !verbose) return answerText(response, 200, 'ok');
  const lines = results.map(({ name, failure }) => (failure === undefined ? `[+]${name} ok` : `[-]${name} failed: ${failure}`));
  answerText(response, well ? 200 : 500, `${lines.join('\n')}\nhealthz check ${well ? 'passed' : 'failed'}\n`);
}

/** The plain-HTTP health port: for service managers on the same machine, without credentials, and nothing else on it. */
export async function listenHealth(address: string, port: number, checks: readonly HealthCheck[]): Promise<Server> {
  const routes = healthRoutes(checks);
  const server = createServer((incoming, response) => {
    const url = new URL(`http://node${incoming.url?.startsWith('/') ? incoming.url : '/'}`);
    const match = matchRoute(routes, incoming.method ?? '', url.pathname);
    if (match.kind === 'found') void match.route.handle({ incoming, query: url.searchParams, parameters: {}, signal: new AbortController().signal }, response);
    else answerText(response, match.kind === 'method not allowed' ? 405 : 404, `${match.kind}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server;
}
