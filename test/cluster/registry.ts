import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from './certificates.ts';
import { freePorts, retryTakenPorts } from './free-ports.ts';
import { ProcessGroup } from './process-group.ts';

/** The one user of a registry with basic authentication. */
export const registryUser = { username: 'sesame-street', password: 'open-sesame' } as const;
// bcrypt (cost 4) of the password above: the only form that distribution takes, and Node has no bcrypt.
const htpasswd = `${registryUser.username}:$2a$04$rJbV736r44xwnvVwGG9dN.AlRsSI6hPD79OoDL4D3qOXKS5PT9pxi\n`;

/** What a registry must know of the server that issues its bearer tokens. */
export interface TokenIssuer {
  /** URL that clients are sent to. */
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** The keys that tokens are signed with (RFC 7517). */
  readonly jwks: { readonly keys: readonly object[] };
}

export interface RegistryOptions {
  /** Who may do anything: everybody (default), {@link registryUser}, or the bearer of a token of this issuer. */
  readonly authentication?: 'none' | 'basic' | TokenIssuer;
  /** HTTPS with a certificate of an authority made for this registry. */
  readonly tls?: boolean;
}

/** A running registry that another process may own. */
export interface RegistryAddress {
  /** `127.0.0.1:PORT`, as it stands in image references. */
  readonly address: string;
  /** Path of the authority's PEM, where the registry speaks HTTPS. */
  readonly authority?: string;
}

export interface Registry extends RegistryAddress {
  stop(): Promise<void>;
}

/**
 * Starts a registry (CNCF distribution) with storage in a temporary directory, deletes allowed.
 *
 * @param program the registry's executable, of `findBinaries`
 */
export async function startRegistry(program: string, options: RegistryOptions = {}): Promise<Registry> {
  return retryTakenPorts(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'wasmlet-registry-'));
    const processes = new ProcessGroup({ logs: directory, removeAtEnd: directory });
    try {
      const address = await startRegistryIn(directory, program, processes, options);
      return { ...address, stop: () => processes.stop() };
    } catch (error) {
      await processes.stop();
      throw error;
    }
  });
}

/** As {@link startRegistry}, among the processes and in the (existing) directory of something larger. */
export async function startRegistryIn(
  directory: string,
  program: string,
  processes: ProcessGroup,
  options: RegistryOptions = {},
): Promise<RegistryAddress> {
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const configuration = join(directory, 'registry.json');
  const tls = options.tls ? await writeCertificates(directory) : undefined;
  await writeFile(
    configuration,
    JSON.stringify({
      version: '0.1',
      log: { level: 'warn' },
      storage: { filesystem: { rootdirectory: join(directory, 'registry') }, delete: { enabled: true } },
      http: { addr: address, secret: 'test', ...(tls && { tls: tls.server }) },
      auth: await authentication(directory, options.authentication ?? 'none'),
    }),
  );
  // Otherwise it looks for a collector of its traces.
  await processes.start('registry', program, ['serve', configuration], { OTEL_TRACES_EXPORTER: 'none' });
  const get = tls ? getHttps : getHttp;
  const url = `${tls ? 'https' : 'http'}://${address}/v2/`;
  await processes.untilReady('registry', () => {
    return new Promise((resolve) => {
      get(url, { ca: tls?.certificate, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200 || response.statusCode === 401);
      }).once('error', () => resolve(false));
    });
  });
  return { address, ...(tls && { authority: tls.authority }) };
}

async function authentication(directory: string, mode: NonNullable<RegistryOptions['authentication']>): Promise<object> {
  if (mode === 'none') return {};
  if (mode === 'basic') {
    const path = join(directory, 'registry.htpasswd');
    await writeFile(path, htpasswd);
    return { htpasswd: { realm: 'test', path } };
  }
  const jwks = join(directory, 'registry.jwks.json');
  await writeFile(jwks, JSON.stringify(mode.jwks));
  const { realm, service, issuer } = mode;
  return { token: { realm, service, issuer, jwks, signingalgorithms: ['ES256'] } };
}

interface RegistryCertificates {
  /** Path and PEM of the authority. */
  readonly authority: string;
  readonly certificate: string;
  readonly server: { readonly certificate: string; readonly key: string };
}

async function writeCertificates(directory: string): Promise<RegistryCertificates> {
  const pki = join(directory, 'registry-pki');
  await mkdir(pki);
  const authority = await CertificateAuthority.create('registry-ca');
  const pair = await authority.issue({ commonName: 'registry', hosts: ['localhost', '127.0.0.1'] });
  const paths = { authority: join(pki, 'ca.crt'), server: { certificate: join(pki, 'tls.crt'), key: join(pki, 'tls.key') } };
  await writeFile(paths.authority, authority.certificate);
  await writeFile(paths.server.certificate, pair.certificate);
  await writeFile(paths.server.key, pair.key, { mode: 0o600 });
  return { ...paths, certificate: authority.certificate };
}
