import type { IncomingMessage } from 'node:http';
import type { RegistryCredentials } from '../../../core/api/image.ts';
import type { Challenge } from './challenge.ts';
import { parseChallenges } from './challenge.ts';
import { refuseRealm } from './check-destination.ts';
import type { HttpClient } from './http-client.ts';
import { statusFailure } from './status-failure.ts';
import type { WasmletError, ErrorCode } from '../../../core/api/errors.ts';

export interface AuthorizerOptions {
  readonly http: HttpClient;
  readonly origin: URL;
  /** Asked for when a challenge names no scope: `repository:NAME:pull`. */
  readonly scope: string;
  readonly credentials?: RegistryCredentials;
  readonly fail: (code: ErrorCode, cause: string) => WasmletError;
}

const largestTokenAnswer = 1024 * 1024;

/** Answers a registry's challenges: basic, or a bearer token from the realm it names (distribution, "Token authentication"). */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  #header: string | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** For requests to the registry's own origin, and to no other. */
  get header(): string | undefined {
    return this.#header;
  }

  get hasCredentials(): boolean {
    return this.#options.credentials !== undefined;
  }

  /** True when another try has a chance. */
  async answer(response: IncomingMessage): Promise<boolean> {
    const challenges = parseChallenges(response.headers['www-authenticate'] ?? '');
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer' && challenge.parameters['realm'] !== undefined);
    const { credentials } = this.#options;
    const before = this.#header;
    if (bearer !== undefined) this.#header = `Bearer ${await this.#token(bearer)}`;
    else if (challenges.some((challenge) => challenge.scheme === 'basic') && credentials?.username !== undefined) this.#header = basic(credentials);
    return this.#header !== before;
  }

  async #token({ parameters }: Challenge): Promise<string> {
    const { http, origin, scope, credentials, fail } = this.#options;
    const realm = parameters['realm']!;
    if (!URL.canParse(realm)) throw fail('REGISTRY_REFUSED', `its token realm ${JSON.stringify(realm.slice(0, 100))} is not an address`);
    const url = new URL(realm);
    const refused = refuseRealm(origin, url);
    if (refused !== undefined) throw fail('IMAGE_UNAUTHORIZED', `${refused}; no credentials are sent there`);

    const query: [string, string][] = (parameters['scope'] ?? scope).split(' ').map((one) => ['scope', one]);
    if (parameters['service'] !== undefined) query.unshift(['service', parameters['service']]);
    const response = credentials?.identityToken === undefined
      ? await http.send({ method: 'GET', url: withQuery(url, query), headers: credentials?.username === undefined ? {} : { authorization: basic(credentials) } })
      : await http.send({ method: 'POST', url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: refreshForm(query, credentials.identityToken) });
    const body = await http.read(response, largestTokenAnswer);
    if (response.statusCode !== 200) {
      const failed = statusFailure(response.statusCode!, body, `token from ${url.origin}`, this.hasCredentials);
      throw fail(failed.code, failed.cause);
    }
    return readToken(body) ?? raise(fail('REGISTRY_REFUSED', `token from ${url.origin}: the answer holds no token`));
  }
}

/** Tokens are opaque: anything that can stand in a header. */
function readToken(body: Uint8Array | undefined): string | undefined {
  try {
    const { token, access_token: accessToken } = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
    const found = token ?? accessToken;
    return typeof found === 'string' && /^[\x21-\x7e]+$/.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** OAuth2 refresh (distribution, "Docker Registry v2 authentication using OAuth2"). */
function refreshForm(query: readonly [string, string][], identityToken: string): Uint8Array {
  const form = new URLSearchParams([['grant_type', 'refresh_token'], ['client_id', 'wasmlet'], ['refresh_token', identityToken]]);
  const scopes = query.filter(([key]) => key === 'scope').map(([, value]) => value);
  for (const [key, value] of query) if (key !== 'scope') form.append(key, value);
  form.append('scope', scopes.join(' '));
  return new TextEncoder().encode(form.toString());
}

function withQuery(url: URL, query: readonly [string, string][]): URL {
  const result = new URL(url);
  for (const [key, value] of query) result.searchParams.append(key, value);
  return result;
}

function basic({ username = '', password = '' }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function raise(error: Error): never {
  throw error;
}
