import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TokenIssuer } from '../cluster/registry.ts';

export interface TokenServerOptions {
  /** Passwords by user name. Who sends no credentials is anonymous. */
  readonly users?: Readonly<Record<string, string>>;
  /**
   * Actions that somebody gets on a repository, of those asked for; by default users get all and the anonymous none.
   *
   * @param user undefined for the anonymous
   */
  readonly grant?: (user: string | undefined, repository: string, actions: readonly string[]) => readonly string[];
  /** Life of a token in seconds (default 300). */
  readonly expiresIn?: number;
}

/** What a client asked for. */
export interface TokenRequest {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly service: string | null;
  /** undefined where it sent no credentials. */
  readonly user: string | undefined;
  readonly status: number;
}

/** A running token server; it is the `authentication` of `startRegistry` too. */
export interface TokenServer extends TokenIssuer {
  /** All requests so far, in order. */
  readonly requests: readonly TokenRequest[];
  stop(): Promise<void>;
}

const service = 'wasmlet-test-registry';
const issuer = 'wasmlet-test-issuer';

/**
 * An authorization server for registries on 127.0.0.1 ("Token Authentication Specification" of CNCF distribution):
 * GET with basic credentials, and POST with OAuth 2's password grant. Tokens are signed with ES256.
 */
export async function startTokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
  const users = options.users ?? {};
  const grant = options.grant ?? ((user, _repository, actions) => (user ? actions : []));
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicKey.export({ format: 'jwk' });
  const keyId = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url');
  const requests: TokenRequest[] = [];

  function issue(user: string | undefined, scopes: readonly string[]): string {
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.map((scope) => {
      const { type, name, actions } = parseScope(scope);
      return { type, name, actions: grant(user, name, actions) };
    });
    const claims = {
      iss: issuer,
      sub: user ?? '',
      aud: service,
      nbf: now - 10,
      iat: now,
      exp: now + (options.expiresIn ?? 300),
      jti: randomUUID(),
      access,
    };
    const content = [{ typ: 'JWT', alg: 'ES256', kid: keyId }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${content}.${signature.toString('base64url')}`;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parameters = await readParameters(request);
    const credentials = basicCredentials(request) ?? formCredentials(parameters);
    const isKnown = !credentials || users[credentials.user] === credentials.password;
    const scopes = parameters.getAll('scope').flatMap((scope) => scope.split(' '));
    const status = isKnown ? 200 : 401;
    requests.push({
      method: request.method ?? '',
      scopes,
      service: parameters.get('service'),
      user: credentials?.user,
      status,
    });
    const token = isKnown ? issue(credentials?.user, scopes) : undefined;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(
        token
          ? { token, access_token: token, expires_in: options.expiresIn ?? 300, issued_at: new Date().toISOString() }
          : { errors: [{ code: 'UNAUTHORIZED', message: 'unknown user or wrong password' }] },
      ),
    );
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    realm: `http://127.0.0.1:${port}/token`,
    service,
    issuer,
    jwks: { keys: [{ ...jwk, kid: keyId, use: 'sig', alg: 'ES256' }] },
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** `repository:team/app:pull,push`; a name may hold colons (a port). */
function parseScope(scope: string): { type: string; name: string; actions: string[] } {
  const first = scope.indexOf(':');
  const last = scope.lastIndexOf(':');
  if (first < 0 || last === first) throw new Error(`malformed scope ${JSON.stringify(scope)}`);
  return { type: scope.slice(0, first), name: scope.slice(first + 1, last), actions: scope.slice(last + 1).split(',') };
}

async function readParameters(request: IncomingMessage): Promise<URLSearchParams> {
  if (request.method === 'GET') return new URL(request.url ?? '/', 'http://localhost').searchParams;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

function basicCredentials(request: IncomingMessage): Credentials | undefined {
  const match = /^Basic (.+)$/i.exec(request.headers.authorization ?? '');
  if (!match) return undefined;
  const [user = '', ...rest] = Buffer.from(match[1]!, 'base64').toString().split(':');
  return { user, password: rest.join(':') };
}

function formCredentials(parameters: URLSearchParams): Credentials | undefined {
  const user = parameters.get('username');
  return user === null ? undefined : { user, password: parameters.get('password') ?? '' };
}
