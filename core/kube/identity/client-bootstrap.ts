/** How a node comes to an identity (KEP-1513, kubelet's bootstrap.LoadClientCert): bootstrap kubeconfig → certificate → kubeconfig. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../api/clock.ts';
import { WasmletError, messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { readKubeconfig } from '../api/kubeconfig.ts';
import type { ClusterAccess } from '../api/kubeconfig.ts';
import { RequestRefused, requestCertificate } from './certificate-request.ts';
import { kubeconfigCluster } from './kubeconfig-cluster.ts';
import { writePrivately } from './certificate-store.ts';
import type { LinkedPemStore } from './certificate-store.ts';

export interface ClientBootstrapOptions {
  /** Written by us. */
  readonly kubeconfig: string;
  readonly bootstrapKubeconfig: string;
  readonly store: LinkedPemStore;
  readonly nodeName: string;
  readonly userAgent: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const apiServerPatience = 60_000;
const apiServerInterval = 2_000;
const refusalPatience = 30_000;
const approvalPatience = 3600_000;

/** True when the kubeconfig is there and its certificate, if it has one, is still valid. Throws KUBECONFIG_INVALID when it is there but wrong. */
export async function hasIdentity(kubeconfig: string, nodeName: string, now: number, logger: Logger): Promise<boolean> {
  if (!(await exists(kubeconfig))) return false;
  const { certificate } = await readKubeconfig(kubeconfig);
  if (certificate === undefined) return true;
  const text = 'data' in certificate ? certificate.data : await readFile(certificate.file, 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(text);
  } catch (cause) {
    throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${kubeconfig}: the client certificate is not readable: ${messageOf(cause)}`, { cause });
  }
  const commonName = /^CN=(.*)$/m.exec(leaf.subject)?.[1] ?? '';
  if (commonName.startsWith('system:node:') && commonName !== `system:node:${nodeName}`) {
    throw new WasmletError('KUBECONFIG_INVALID', `kubeconfig ${kubeconfig} is for ${commonName}, but this node's name is ${nodeName}: set --node-name, or remove the kubeconfig to ask for another identity`);
  }
  if (!commonName.startsWith('system:node:')) logger.warn({ user: commonName, kubeconfig }, 'The kubeconfig is not a node\'s: this process has more rights than a node needs');
  return leaf.validToDate.getTime() > now;
}

/** Asks for a client certificate and writes the kubeconfig. Waits for the API server a minute, for the approval an hour. */
export async function bootstrapClient(options: ClientBootstrapOptions): Promise<void> {
  const { kubeconfig, bootstrapKubeconfig, store, clock, logger } = options;
  const access = await readKubeconfig(bootstrapKubeconfig);
  const api = new ApiClient({ access, clock, logger, userAgent: options.userAgent, environment: options.environment });
  try {
    await waitForApiServer(api, clock, options.signal);
    await store.save(await requestFirst(api, options));
    await writeKubeconfig(kubeconfig, access, store.current);
    logger.info({ kubeconfig, node: options.nodeName }, 'Identity received');
  } finally {
    api.close();
  }
}

/** Key and certificate; a denied request is not repeated with the same key. */
export async function requestClientCertificate(
  api: ApiClient,
  { store, nodeName, clock, random, logger, signal }: Pick<ClientBootstrapOptions, 'store' | 'nodeName' | 'clock' | 'random' | 'logger' | 'signal'>,
  patience = approvalPatience,
): Promise<{ cert: string; key: string }> {
  const key = await store.pendingKey();
  const order = { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', nodeName, dnsNames: [], ipAddresses: [] } as const;
  try {
    const onPending = (request: string): void => logger.info({ request }, 'Client certificate requested');
    return { cert: await requestCertificate({ api, order, key, patience, clock, random, logger, signal, onPending }), key };
  } catch (error) {
    if (error instanceof RequestRefused) await store.dropPendingKey();
    throw error;
  }
}

/** A token made a moment ago is not known to every API server yet, nor are its rights: a refusal counts only when it lasts. */
async function requestFirst(api: ApiClient, options: ClientBootstrapOptions): Promise<{ cert: string; key: string }> {
  const { clock, logger, signal } = options;
  const end = clock.monotonic() + refusalPatience;
  for (;;) {
    try {
      return await requestClientCertificate(api, options);
    } catch (error) {
      const refused = error instanceof ApiError && (error.code === 401 || error.code === 403);
      if (!refused || signal.aborted) throw error;
      if (clock.monotonic() > end) throw new WasmletError('BOOTSTRAP_FAILED', `the bootstrap credentials are not accepted: ${error.message}`, { cause: error });
      logger.info({ error: error.message }, 'Bootstrap credentials are not accepted yet');
      await clock.sleep(apiServerInterval, signal);
    }
  }
}

async function waitForApiServer(api: ApiClient, clock: Clock, signal: AbortSignal): Promise<void> {
  const end = clock.monotonic() + apiServerPatience;
  for (;;) {
    try {
      await api.call({ method: 'GET', path: '/version', deadline: apiServerInterval });
      return;
    } catch (error) {
      // It answers, if only to say no: the request itself will tell better.
      if (error instanceof ApiError && error.code < 500) return;
      if (signal.aborted || clock.monotonic() > end) throw new WasmletError('BOOTSTRAP_FAILED', `the API server ${api.server} does not answer: ${messageOf(error)}`, { cause: error });
      await clock.sleep(apiServerInterval, signal);
    }
  }
}

/** As kubelet writes it, so that its tools find their way: default-cluster, default-auth, default-context. */
async function writeKubeconfig(path: string, access: ClusterAccess, certificate: string): Promise<void> {
  const { stringify } = await import('yaml');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'default-cluster', cluster: kubeconfigCluster(access) }],
    users: [{ name: 'default-auth', user: { 'client-certificate': certificate, 'client-key': certificate } }],
    contexts: [{ name: 'default-context', context: { cluster: 'default-cluster', user: 'default-auth', namespace: 'default' } }],
    'current-context': 'default-context',
  };
  await writePrivately(path, stringify(config));
}

async function exists(path: string): Promise<boolean> {
  try {
    await readFile(path);
    return true;
  } catch (error) {
    // Whatever else is wrong with it is told by who reads it.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
