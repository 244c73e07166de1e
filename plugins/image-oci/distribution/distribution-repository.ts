import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '../../../core/api/errors.ts';
import { WasmletError } from '../../../core/api/errors.ts';
import type { RegistryCredentials } from '../../../core/api/image.ts';
import { digestOf } from '../format/build-manifest.ts';
import { manifestTypes } from '../format/media-types.ts';
import type { Descriptor, RawManifest, Repository } from '../repository.ts';
import { failure, largestManifest } from '../repository.ts';
import { Authorizer } from './authorizer.ts';
import { refuseRedirect } from './check-destination.ts';
import type { HttpRequest } from './http-client.ts';
import { HttpClient, transportFailure } from './http-client.ts';
import { statusFailure } from './status-failure.ts';

export interface DistributionRepositoryOptions {
  /** `https://ghcr.io`. */
  readonly origin: string;
  readonly repository: string;
  readonly credentials?: RegistryCredentials;
  readonly actions: 'pull' | 'pull,push';
  /** PEM text. */
  readonly ca?: string;
  readonly stallMilliseconds: number;
  readonly signal: AbortSignal;
}

const mostRedirects = 5;
const largestErrorBody = 64 * 1024;

/** A repository of a registry (OCI distribution-spec 1.1), for one operation. */
export class DistributionRepository implements Repository {
  readonly #options: DistributionRepositoryOptions;
  readonly #origin: URL;
  readonly #http: HttpClient;
  readonly #authorizer: Authorizer;

  constructor(options: DistributionRepositoryOptions) {
    this.#options = options;
    this.#origin = new URL(options.origin);
    this.#http = new HttpClient({ stallMilliseconds: options.stallMilliseconds, signal: options.signal, ...(options.ca === undefined ? {} : { ca: options.ca }) });
    this.#authorizer = new Authorizer({
      http: this.#http,
      origin: this.#origin,
      scope: `repository:${options.repository}:${options.actions}`,
      fail: (code, cause) => this.#failure(code, cause),
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    });
  }

  get description(): string {
    return `registry ${this.#origin.host}, repository ${this.#options.repository}`;
  }

  async resolve(reference: string): Promise<string> {
    return this.#guard(async () => {
      const response = await this.#send({ method: 'HEAD', url: this.#url(`manifests/${reference}`), headers: { accept: manifestTypes.join(', ') } });
      response.resume();
      const digest = response.headers['docker-content-digest'];
      const usable = response.statusCode === 200 && typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest) && (!reference.startsWith('sha256:') || digest === reference);
      // Anything else, failures too, is told better by a request whose answer has a body.
      return usable ? digest : (await this.manifest(reference)).digest;
    });
  }

  async manifest(reference: string): Promise<RawManifest> {
    const what = `manifest ${reference}`;
    return this.#guard(async () => {
      const response = await this.#send({ method: 'GET', url: this.#url(`manifests/${reference}`), headers: { accept: manifestTypes.join(', ') } });
      await this.#expect(response, [200], what);
      const bytes = await this.#http.read(response, largestManifest);
      if (bytes === undefined) throw this.#failure('IMAGE_MANIFEST_INVALID', `${what} is longer than ${largestManifest} bytes`);
      const digest = digestOf(bytes);
      const promised = reference.startsWith('sha256:') ? reference : response.headers['docker-content-digest'];
      if (typeof promised === 'string' && promised.startsWith('sha256:') && promised !== digest) throw this.#failure('IMAGE_DIGEST_MISMATCH', `${what} should be ${promised} and has the content of ${digest}`);
      const mediaType = response.headers['content-type'];
      return { bytes, digest, ...(mediaType === undefined ? {} : { mediaType }) };
    });
  }

  async *blob({ digest }: Descriptor): AsyncIterable<Uint8Array> {
    try {
      const response = await this.#send({ method: 'GET', url: this.#url(`blobs/${digest}`), headers: {} });
      await this.#expect(response, [200], `blob ${digest}`);
      yield* this.#http.body(response);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async pushBlob({ digest }: Descriptor, bytes: Uint8Array, progress?: (sentBytes: number) => void): Promise<void> {
    return this.#guard(async () => {
      const head = await this.#send({ method: 'HEAD', url: this.#url(`blobs/${digest}`), headers: {} });
      head.resume();
      if (head.statusCode === 200) {
        progress?.(bytes.length);
        return;
      }
      const what = `upload of blob ${digest}`;
      const begun = await this.#send({ method: 'POST', url: this.#url('blobs/uploads/'), headers: {}, body: new Uint8Array() });
      await this.#expect(begun, [202], what);
      begun.resume();
      const url = this.#location(begun, this.#url('blobs/uploads/'), what);
      url.searchParams.set('digest', digest);
      const done = await this.#send({ method: 'PUT', url, headers: { 'content-type': 'application/octet-stream' }, body: bytes, ...(progress === undefined ? {} : { progress }) });
      await this.#expect(done, [201, 204], what);
      done.resume();
    });
  }

  async pushManifest(reference: string, mediaType: string, { bytes, digest }: RawManifest): Promise<void> {
    return this.#guard(async () => {
      const response = await this.#send({ method: 'PUT', url: this.#url(`manifests/${reference}`), headers: { 'content-type': mediaType }, body: bytes });
      await this.#expect(response, [201, 204], `push of manifest ${reference}`);
      response.resume();
      const stored = response.headers['docker-content-digest'];
      if (typeof stored === 'string' && stored !== digest) throw this.#failure('IMAGE_DIGEST_MISMATCH', `the manifest ${digest} was stored as ${stored.slice(0, 100)}`);
    });
  }

  close(): void {
    this.#http.close();
  }

  /** Sends, answers one challenge of the registry's own origin, follows redirects of reads. Credentials stay with the origin. */
  async #send(request: HttpRequest): Promise<IncomingMessage> {
    const first = await this.#follow(request);
    if (first.response.statusCode !== 401 || first.url.origin !== this.#origin.origin) return first.response;
    const again = await this.#authorizer.answer(first.response);
    if (!again) return first.response;
    await this.#http.read(first.response, largestErrorBody);
    return (await this.#follow(request)).response;
  }

  async #follow(request: HttpRequest): Promise<{ readonly response: IncomingMessage; readonly url: URL }> {
    let { url } = request;
    for (let hop = 0; ; hop += 1) {
      const authorization = url.origin === this.#origin.origin ? this.#authorizer.header : undefined;
      const response = await this.#http.send({ ...request, url, headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) } });
      const redirected = [301, 302, 303, 307, 308].includes(response.statusCode!) && (request.method === 'GET' || request.method === 'HEAD');
      if (!redirected) return { response, url };
      response.resume();
      if (hop === mostRedirects) throw this.#failure('REGISTRY_REFUSED', `it redirects more than ${mostRedirects} times`);
      url = this.#location(response, url, 'redirect');
    }
  }

  #location(response: IncomingMessage, from: URL, what: string): URL {
    const location = response.headers.location ?? '';
    if (location === '' || !URL.canParse(location, from)) throw this.#failure('REGISTRY_REFUSED', `${what}: the answer names no usable location`);
    const to = new URL(location, from);
    const refused = refuseRedirect(from, to);
    if (refused !== undefined) throw this.#failure('REGISTRY_REFUSED', refused);
    return to;
  }

  async #expect(response: IncomingMessage, statuses: readonly number[], what: string): Promise<void> {
    if (statuses.includes(response.statusCode!)) return;
    const failed = statusFailure(response.statusCode!, await this.#http.read(response, largestErrorBody), what, this.#authorizer.hasCredentials);
    throw this.#failure(failed.code, failed.cause);
  }

  #url(path: string): URL {
    return new URL(`/v2/${this.#options.repository}/${path}`, this.#origin);
  }

  #failure(code: ErrorCode, cause: string, error?: unknown): WasmletError {
    return failure(this, code, cause, error);
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Cancellation stays what it is; the rest has a code and a place. */
  #explain(error: unknown): unknown {
    const { signal, stallMilliseconds } = this.#options;
    if (signal.aborted) return signal.reason;
    if (error instanceof WasmletError) return error;
    const { code, cause } = transportFailure(error, stallMilliseconds);
    return this.#failure(code, cause, error);
  }
}
