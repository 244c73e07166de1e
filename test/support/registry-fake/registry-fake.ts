import { createHash } from 'node:crypto';
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a repository of the fake does wrong; the repository's name is the fault's. */
export const faults = [
  'unauthorized', 'forbidden', 'missing', 'broken', 'overloaded', 'hang', 'hang-in-body', 'drop', 'drop-in-body', 'html', 'not-json', 'huge-manifest',
  'manifest-digest', 'blob-content', 'blob-short', 'blob-endless', 'redirect-elsewhere', 'redirect-loop', 'redirect-to-file', 'token-elsewhere', 'token-broken', 'token-opaque', 'basic-elsewhere',
] as const;
export type Fault = (typeof faults)[number];

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization?: string;
}

export interface FakeBlob {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A registry that lies. Repositories that are no fault's name are served honestly. */
export interface RegistryFake {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly requests: readonly SeenRequest[];
  /** What arrived at the other host to which redirects lead. */
  readonly elsewhere: readonly SeenRequest[];
  /** Serves an image under a repository's tag `1`; answers the manifest's digest. */
  addImage(repository: string, image: { readonly config: FakeBlob; readonly layers: readonly FakeBlob[]; readonly mediaType?: string | null; readonly annotations?: Readonly<Record<string, string>> }): string;
  /** Serves any document as the manifest of a repository's tag `1`. */
  addManifest(repository: string, document: unknown, mediaType?: string): string;
  stop(): Promise<void>;
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const emptyModule = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

export async function startRegistryFake(): Promise<RegistryFake> {
  const requests: SeenRequest[] = [];
  const elsewhere: SeenRequest[] = [];
  const blobs = new Map<string, Uint8Array>();
  const manifests = new Map<string, { readonly bytes: Uint8Array; readonly mediaType: string }>();

  const other = await listen((request, response) => {
    elsewhere.push(seen(request));
    if (request.url!.startsWith('/token')) json(response, 200, { token: 'from-elsewhere' });
    else if (request.url!.startsWith('/wants-basic')) response.writeHead(401, { 'www-authenticate': 'Basic realm="elsewhere"' }).end();
    else blob(response, blobs.get(request.url!.slice('/blob/'.length)));
  });

  const main = await listen((request, response) => {
    requests.push(seen(request));
    const [, repository = '', kind = '', reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(request.url!) ?? [];
    const fault = faults.find((name) => repository === name || repository.endsWith(`/${name}`));
    if (request.url!.startsWith('/token')) return void answerToken(request.url!, response);
    if (fault !== undefined && misbehave(fault, kind, reference, request, response)) return;
    if (kind === 'manifests') manifest(response, manifests.get(`${repository}:${reference}`));
    else blob(response, blobs.get(reference));
  });

  function misbehave(fault: Fault, kind: string, reference: string, request: IncomingMessage, response: ServerResponse): boolean {
    const isBlob = kind === 'blobs';
    const bytes = blobs.get(reference) ?? emptyModule;
    switch (fault) {
      case 'unauthorized': return done(json(response, 401, { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }, { 'www-authenticate': 'Basic realm="fake"' }));
      case 'forbidden': return done(json(response, 403, { errors: [{ code: 'DENIED', message: 'not yours' }] }));
      case 'missing': return done(json(response, 404, { errors: [{ code: 'NAME_UNKNOWN', message: 'no such repository' }] }));
      case 'broken': return done(response.writeHead(500, { 'content-type': 'text/html' }).end('<html>oops</html>'));
      case 'overloaded': return done(json(response, 429, { errors: [{ code: 'TOOMANYREQUESTS', message: 'slow down' }] }));
      case 'hang': return true;
      case 'drop': return done(request.socket.destroy());
      case 'html': return isBlob ? false : done(response.writeHead(200, { 'content-type': 'text/html' }).end('<!DOCTYPE html><p>Log in to the portal'));
      case 'not-json': return isBlob ? false : done(response.writeHead(200, { 'content-type': manifestType }).end('{"schemaVersion":'));
      case 'huge-manifest': return isBlob ? false : done(response.writeHead(200, { 'content-type': manifestType }).end(Buffer.alloc(5 * 2 ** 20, ' ')));
      case 'manifest-digest': return isBlob ? false : done(json(response, 200, { schemaVersion: 2 }, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }));
      case 'hang-in-body': return isBlob ? done(response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 1))) : false;
      case 'drop-in-body': return isBlob ? done(response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 1), () => request.socket.destroy())) : false;
      case 'blob-content': return isBlob ? done(response.writeHead(200).end(Buffer.alloc(bytes.length, 'x'))) : false;
      case 'blob-short': return isBlob ? done(response.writeHead(200).end(bytes.subarray(1))) : false;
      case 'blob-endless': return isBlob ? done(endless(response)) : false;
      case 'redirect-elsewhere': return isBlob ? done(response.writeHead(307, { location: `http://${other.address}/blob/${reference}` }).end()) : challenge(request, response, 'Basic realm="fake"');
      case 'basic-elsewhere': return isBlob ? done(response.writeHead(307, { location: `http://${other.address}/wants-basic` }).end()) : challenge(request, response, 'Basic realm="fake"');
      case 'redirect-loop': return done(response.writeHead(302, { location: request.url! }).end());
      case 'redirect-to-file': return done(response.writeHead(302, { location: 'file:///etc/passwd' }).end());
      case 'token-elsewhere': return challenge(request, response, 'Bearer realm="http://tokens.example.invalid/token",service="fake"');
      case 'token-broken': return challenge(request, response, `Bearer realm="http://${main.address}/token/broken",service="fake"`);
      case 'token-opaque': return challenge(request, response, `Bearer realm="http://${main.address}/token/opaque",service="fake"`);
      default: throw new Error(`no behaviour for ${String(fault satisfies never)}`);
    }
  }

  /** True: the request had no credentials and has been answered. */
  function challenge(request: IncomingMessage, response: ServerResponse, header: string): boolean {
    if (request.headers.authorization !== undefined) return false;
    return done(json(response, 401, { errors: [{ code: 'UNAUTHORIZED' }] }, { 'www-authenticate': header }));
  }

  function addManifest(repository: string, document: unknown, mediaType = manifestType): string {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    for (const reference of ['1', digest]) manifests.set(`${repository}:${reference}`, { bytes, mediaType });
    return digest;
  }

  return {
    address: main.address,
    requests,
    elsewhere,
    addManifest,
    addImage(repository, { config, layers, mediaType = manifestType, annotations }) {
      const describe = (part: FakeBlob): object => {
        const digest = digestOf(part.bytes);
        blobs.set(digest, part.bytes);
        return { mediaType: part.mediaType, digest, size: part.bytes.length, ...(part.annotations === undefined ? {} : { annotations: part.annotations }) };
      };
      return addManifest(repository, { schemaVersion: 2, ...(mediaType === null ? {} : { mediaType }), config: describe(config), layers: layers.map(describe), ...(annotations === undefined ? {} : { annotations }) });
    },
    async stop() {
      await Promise.all([main.stop(), other.stop()]);
    },
  };
}

function answerToken(url: string, response: ServerResponse): void {
  if (url.startsWith('/token/broken')) json(response, 200, { token: 'two\r\nlines: here' });
  else json(response, 200, { access_token: 'opaque.~!token==' });
}

function endless(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on('drain', more);
  more();
}

function manifest(response: ServerResponse, found: { readonly bytes: Uint8Array; readonly mediaType: string } | undefined): void {
  if (found === undefined) json(response, 404, { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] });
  else response.writeHead(200, { 'content-type': found.mediaType, 'docker-content-digest': digestOf(found.bytes) }).end(found.bytes);
}

function blob(response: ServerResponse, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) json(response, 404, { errors: [{ code: 'BLOB_UNKNOWN', message: 'blob unknown' }] });
  else response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length }).end(bytes);
}

function json(response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function done(_: unknown): true {
  return true;
}

function seen({ method = '', url = '', headers }: IncomingMessage): SeenRequest {
  return { method, path: url, ...(headers.authorization === undefined ? {} : { authorization: headers.authorization }) };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<{ readonly address: string; stop(): Promise<void> }> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}
