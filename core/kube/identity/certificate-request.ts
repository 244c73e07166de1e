/** Certificates from the cluster's signers (certificates.k8s.io/v1, KEP-1513): ask, wait for the approval, take. */
import { X509Certificate, createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import type { Clock } from '../../api/clock.ts';
import { WasmletError, messageOf } from '../../api/errors.ts';
import type { CertificateSigningRequest, WatchEvent } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { ApiClient } from '../api/api-client.ts';
import { isConflict } from '../api/api-error.ts';
import { resourcePath } from '../api/resources.ts';
import { apiSource } from '../watch/api-source.ts';
import { listWatch } from '../watch/list-watch.ts';
import { createRequest } from './x509.ts';

export interface CertificateOrder {
  readonly signerName: 'kubernetes.io/kube-apiserver-client-kubelet' | 'kubernetes.io/kubelet-serving';
  readonly nodeName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

export interface CertificateRequestOptions {
  readonly api: ApiClient;
  readonly order: CertificateOrder;
  /** PEM. The same key makes the same request, also after a restart. */
  readonly key: string;
  /** Milliseconds to wait for an approval. */
  readonly patience: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told once that the request is made and waits for somebody. */
  readonly onPending?: (name: string) => void;
}

const signers = {
  'kubernetes.io/kube-apiserver-client-kubelet': { prefix: 'node-csr', usage: 'client auth' },
  'kubernetes.io/kubelet-serving': { prefix: 'node-serving-csr', usage: 'server auth' },
} as const;

/** The request will never be answered with a certificate: denied, failed or deleted. Only another key makes another request. */
export class RequestRefused extends WasmletError {
  constructor(message: string) {
    super('BOOTSTRAP_FAILED', message);
  }
}

/** The certificate chain as PEM. Throws RequestRefused, BOOTSTRAP_FAILED when nobody approves in time, ApiError when asking is forbidden. */
export async function requestCertificate(options: CertificateRequestOptions): Promise<string> {
  const { api, order, key, onPending } = options;
  const { usage } = signers[order.signerName];
  const name = requestName(order, key);
  const body: CertificateSigningRequest = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: { signerName: order.signerName, usages: ['digital signature', usage], request: Buffer.from(await createRequest(order, key)).toString('base64') },
  };
  try {
    await api.call({ method: 'POST', path: resourcePath('certificatesigningrequests'), body });
  } catch (error) {
    // Ours, from before a restart or a lost answer: the name is made of the key.
    if (!isConflict(error)) throw error;
  }
  onPending?.(name);
  const certificate = await issued(options, name);
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
    throw new RequestRefused(`certificate request ${name} was answered with a certificate for another key`);
  }
  return certificate;
}

function requestName({ signerName, nodeName, dnsNames, ipAddresses }: CertificateOrder, key: string): string {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' });
  const digest = createHash('sha256').update(JSON.stringify([publicKey, signerName, nodeName, dnsNames, ipAddresses])).digest('hex');
  return `${signers[signerName].prefix}-${digest.slice(0, 40)}`;
}

function issued({ api, patience, clock, random, logger, signal }: CertificateRequestOptions, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      cancel();
      signal.removeEventListener('abort', stopped);
      subscription.unsubscribe();
      settle();
    };
    const refuse = (why: string): void => finish(() => reject(new RequestRefused(`certificate request ${name} ${why}`)));
    const stopped = (): void => finish(() => reject(signal.reason as Error));
    const cancel = clock.after(patience, () =>
      finish(() => reject(new WasmletError('BOOTSTRAP_FAILED', `certificate request ${name} was not approved within ${Math.round(patience / 60_000)} min; approve it with: kubectl certificate approve ${name}`))),
    );
    const events$ = listWatch<CertificateSigningRequest>({
      source: apiSource(api, resourcePath('certificatesigningrequests'), { fieldSelector: `metadata.name=${name}` }),
      clock,
      random,
      onFailure: (error, { retryIn }) => logger.warn({ error: messageOf(error), request: name, retryIn }, 'Watch of the certificate request failed'),
    });
    const subscription = events$.subscribe((event: WatchEvent<CertificateSigningRequest>) => {
      if (event.type === 'SYNCED') return;
      if (event.type === 'REMOVED') return refuse('was deleted');
      const { conditions = [], certificate } = event.object.status ?? {};
      const refusal = conditions.find(({ type }) => type === 'Denied' || type === 'Failed');
      if (refusal !== undefined) return refuse(`was ${refusal.type.toLowerCase()}: ${refusal.message ?? refusal.reason ?? 'no reason given'}`);
      if (certificate !== undefined) finish(() => resolve(Buffer.from(certificate, 'base64').toString('utf8')));
    });
    if (signal.aborted) stopped();
    else signal.addEventListener('abort', stopped, { once: true });
  });
}
