/** Who this node is: the client that speaks for it, the certificate of its port, the authority of its callers. */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../api/clock.ts';
import { WasmletError } from '../../api/errors.ts';
import type { NodeAddress } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import { ApiClient } from '../api/api-client.ts';
import { readKubeconfig } from '../api/kubeconfig.ts';
import type { ClusterAccess } from '../api/kubeconfig.ts';
import { LinkedPemStore } from './certificate-store.ts';
import type { Reloadable } from '../../api/reloadable.ts';
import { bootstrapClient, hasIdentity, requestClientCertificate } from './client-bootstrap.ts';
import type { ClientBootstrapOptions } from './client-bootstrap.ts';
import { ReloadedFiles } from './reloaded-files.ts';
import { RotatingCertificate } from './rotating-certificate.ts';
import { selfSignedCertificate, signedServingCertificate } from './serving-certificate.ts';
import type { CertificatePair } from './x509.ts';

export interface Identity {
  /** Absent: a node without a cluster. */
  readonly api?: ApiClient;
  /** None for as long as the cluster has not signed it. */
  readonly servingCertificate: Reloadable<CertificatePair>;
  /** PEM. None: client certificates count for nothing. */
  readonly clientCA: Reloadable<string>;
  stop(): Promise<void>;
}

/** The part of the node's configuration that identity is made of; NodeConfiguration has it. */
export interface IdentityConfiguration {
  readonly nodeName: string;
  readonly hostname: string;
  readonly rootDirectory: string;
  readonly kubeconfig?: string | undefined;
  readonly bootstrapKubeconfig?: string | undefined;
  readonly clientCAFile?: string | undefined;
  readonly tlsCertFile?: string | undefined;
  readonly tlsPrivateKeyFile?: string | undefined;
  readonly serverTLSBootstrap: boolean;
  readonly rotateCertificates: boolean;
}

export interface IdentityOptions {
  readonly configuration: IdentityConfiguration;
  /** What the serving certificate is for. */
  readonly addresses: readonly NodeAddress[];
  /** wasmlet's. */
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For credential plugins and proxies; default: nothing. */
  readonly environment?: NodeJS.ProcessEnv;
  /** 0 ≤ n < 1; default Math.random. */
  readonly random?: () => number;
  /** A line for whoever watches the node's standard output; default: nobody. */
  readonly print?: (line: string) => void;
  /** Ends a bootstrap that waits for an approval. */
  readonly signal?: AbortSignal;
}

/** A rotation waits so long for each approval. */
const rotationPatience = 15 * 60_000;

/**
 * Gets the identity: an existing kubeconfig, or a new one by bootstrap, which may wait for an approval.
 * Throws KUBECONFIG_INVALID, BOOTSTRAP_FAILED and CONFIG_INVALID.
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const parts = new Parts(options);
  try {
    const access = await parts.openClient();
    const servingCertificate = await parts.openServing();
    const clientCA = await parts.openClientCA(access);
    return { ...(parts.api === undefined ? {} : { api: parts.api }), servingCertificate, clientCA, stop: () => parts.stop() };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

/** What runs in the background, until it is stopped. */
class Parts {
  readonly #options: Required<Pick<IdentityOptions, 'environment' | 'random' | 'print' | 'signal'>> & IdentityOptions;
  readonly #directory: string;
  readonly #store: LinkedPemStore;
  readonly #stops: (() => Promise<void> | void)[] = [];
  api: ApiClient | undefined;

  constructor(options: IdentityOptions) {
    this.#options = { environment: {}, random: Math.random, print: () => undefined, signal: new AbortController().signal, ...options };
    this.#directory = join(options.configuration.rootDirectory, 'pki');
    this.#store = new LinkedPemStore(this.#directory, 'kubelet-client', options.clock);
  }

  async openClient(): Promise<ClusterAccess | undefined> {
    const { configuration, clock, logger, environment } = this.#options;
    const { bootstrapKubeconfig, nodeName } = configuration;
    const kubeconfig = configuration.kubeconfig ?? (bootstrapKubeconfig === undefined ? undefined : join(configuration.rootDirectory, 'kubeconfig'));
    if (kubeconfig === undefined) return undefined;
    if (!(await hasIdentity(kubeconfig, nodeName, clock.now(), logger))) {
      if (bootstrapKubeconfig === undefined) throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${kubeconfig} does not exist or its certificate has expired; give --bootstrap-kubeconfig (\`wasmlet bootstrap\` makes one) to ask for an identity`);
      await bootstrapClient(this.#bootstrap(kubeconfig, bootstrapKubeconfig));
    }
    const access = await readKubeconfig(kubeconfig);
    const api = new ApiClient({ access, clock, logger, userAgent: this.#userAgent, environment });
    this.api = api;
    this.#stops.push(() => api.close());
    if (configuration.rotateCertificates && access.certificate !== undefined && 'file' in access.certificate && access.certificate.file === this.#store.current) await this.#rotateClient(api, kubeconfig);
    return access;
  }

  async openServing(): Promise<Reloadable<CertificatePair>> {
    const { configuration, clock, logger } = this.#options;
    const { tlsCertFile, tlsPrivateKeyFile } = configuration;
    if (tlsCertFile !== undefined && tlsPrivateKeyFile !== undefined) {
      const files = new ReloadedFiles([tlsCertFile, tlsPrivateKeyFile], ([cert = '', key = '']) => checked({ cert, key }, tlsCertFile), { clock, logger });
      await files.start();
      this.#stops.push(() => files.stop());
      return files;
    }
    const options = { ...this.#options, directory: this.#directory, nodeName: configuration.nodeName, hostname: configuration.hostname };
    if (configuration.serverTLSBootstrap && this.api !== undefined) {
      const certificate = signedServingCertificate({ ...options, api: this.api });
      await certificate.load();
      certificate.start();
      this.#stops.push(() => certificate.stop());
      return certificate;
    }
    const certificate = selfSignedCertificate(options);
    await certificate.load();
    await certificate.ensure();
    certificate.start();
    this.#stops.push(() => certificate.stop());
    return certificate;
  }

  /** The configured authority, else the one that vouches for the API server: a cluster usually has but one. */
  async openClientCA(access: ClusterAccess | undefined): Promise<Reloadable<string>> {
    const { configuration, clock, logger } = this.#options;
    const ca = configuration.clientCAFile === undefined ? access?.ca : { file: configuration.clientCAFile };
    if (ca === undefined) return { current: () => undefined, onChange: () => () => undefined };
    if ('data' in ca) return { current: () => ca.data, onChange: () => () => undefined };
    const file = new ReloadedFiles([ca.file], ([text = '']) => text, { clock, logger });
    await file.start();
    this.#stops.push(() => file.stop());
    return file;
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }

  async #rotateClient(api: ApiClient, kubeconfig: string): Promise<void> {
    const { configuration, clock, random, logger, signal: given } = this.#options;
    const { nodeName, bootstrapKubeconfig } = configuration;
    const certificate: RotatingCertificate = new RotatingCertificate({
      purpose: 'client',
      store: this.#store,
      issue: async (signal) => {
        // An expired identity can ask for nothing; the bootstrap one still may.
        const expired = !(await hasIdentity(kubeconfig, nodeName, clock.now(), logger));
        if (!expired || bootstrapKubeconfig === undefined) return requestClientCertificate(api, { store: this.#store, nodeName, clock, random, logger, signal: AbortSignal.any([signal, given]) }, rotationPatience);
        await bootstrapClient({ ...this.#bootstrap(kubeconfig, bootstrapKubeconfig), signal });
        return (await this.#store.load())!;
      },
      fits: () => true,
      clock,
      random,
      logger,
    });
    await certificate.load();
    certificate.onChange(() => void api.reloadCredentials().catch((error: unknown) => logger.error({ error }, 'The new client certificate cannot be read')));
    certificate.start();
    this.#stops.push(() => certificate.stop());
  }

  #bootstrap(kubeconfig: string, bootstrapKubeconfig: string): ClientBootstrapOptions {
    const { configuration, clock, random, logger, environment, signal } = this.#options;
    return { kubeconfig, bootstrapKubeconfig, store: this.#store, nodeName: configuration.nodeName, userAgent: this.#userAgent, environment, clock, random, logger, signal };
  }

  get #userAgent(): string {
    return `wasmlet/${this.#options.version}`;
  }
}

function checked(pair: CertificatePair, file: string): CertificatePair {
  try {
    new X509Certificate(pair.cert);
  } catch (cause) {
    throw new WasmletError('CONFIG_INVALID', `${file} holds no certificate in PEM`, { cause });
  }
  return pair;
}
