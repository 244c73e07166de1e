import type { IncomingMessage, ServerResponse } from 'node:http';

export interface RoutedRequest {
  readonly incoming: IncomingMessage;
  readonly query: URLSearchParams;
  /** The `{name}` parts of the pattern, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Aborts when the client has gone or the server stops. */
  readonly signal: AbortSignal;
}

export interface Route {
  /** `/containerLogs/{namespace}/{pod}/{container}`; a last `{rest...}` takes what follows. */
  readonly pattern: string;
  readonly methods: readonly string[];
  handle(request: RoutedRequest, response: ServerResponse): void | Promise<void>;
}

export type RouteMatch =
  | { readonly kind: 'found'; readonly route: Route; readonly parameters: Readonly<Record<string, string>> }
  | { readonly kind: 'method not allowed'; readonly allow: readonly string[] }
  | { readonly kind: 'not found' }
  /** The path is not valid percent-encoding. */
  | { readonly kind: 'malformed' };

/** The first route whose pattern fits; a trailing slash makes no difference. */
export function matchRoute(routes: readonly Route[], method: string, path: string): RouteMatch {
  let segments: string[];
  try {
    segments = split(path).map(decodeURIComponent);
  } catch {
    return { kind: 'malformed' };
  }
  for (const route of routes) {
    const parameters = matchPattern(split(route.pattern), segments);
    if (!parameters) continue;
    return route.methods.includes(method) ? { kind: 'found', route, parameters } : { kind: 'method not allowed', allow: route.methods };
  }
  return { kind: 'not found' };
}

function matchPattern(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    if (part.endsWith('...}')) {
      parameters[part.slice(1, -4)] = segments.slice(index).join('/');
      return parameters;
    }
    const segment = segments[index];
    if (segment === undefined) return undefined;
    if (part.startsWith('{')) parameters[part.slice(1, -1)] = segment;
    else if (part !== segment) return undefined;
  }
  return pattern.length === segments.length ? parameters : undefined;
}

function split(path: string): string[] {
  return path.replace(/^\//, '').replace(/\/$/, '').split('/');
}

/** Plain text with a status, Kubernetes' way of answering on this port. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }).end(text);
}

export function answerJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
