import { isIP } from 'node:net';
import type { X509Certificate } from 'node:crypto';
import type { Clock } from '../../api/clock.ts';
import type { NodeAddress } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { ApiClient } from '../api/api-client.ts';
import { RequestRefused, requestCertificate } from './certificate-request.ts';
import { LinkedPemStore, SelfSignedStore } from './certificate-store.ts';
import { RotatingCertificate } from './rotating-certificate.ts';
import { createSelfSigned } from './x509.ts';

export interface ServingCertificateOptions {
  /** `<root-dir>/pki`. */
  readonly directory: string;
  readonly nodeName: string;
  readonly hostname: string;
  readonly addresses: readonly NodeAddress[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

const year = 365 * 24 * 3600_000;
/** Nobody approves serving certificates by themselves: an administrator may take a night. */
const patience = 24 * 3600_000;

/** The kubelet's default: a certificate that nobody can verify, in pki/kubelet.crt. */
export function selfSignedCertificate({ directory, nodeName, hostname, addresses, clock, random, logger }: ServingCertificateOptions): RotatingCertificate {
  const names = subjectNames(addresses);
  const dns = [...new Set([hostname, nodeName, 'localhost', ...names.dns])];
  const ips = [...new Set([...names.ips, '127.0.0.1', '::1'])];
  return new RotatingCertificate({
    purpose: 'serving',
    store: new SelfSignedStore(directory),
    issue: () => createSelfSigned(hostname, dns, ips, clock.now(), year),
    fits: covers(names),
    clock,
    random,
    logger,
  });
}

/** serverTLSBootstrap: signed by the cluster for the node's addresses, once somebody has approved it. The lines are Krustlet's: scripts wait for them. */
export function signedServingCertificate({ api, print, ...options }: ServingCertificateOptions & { readonly api: ApiClient; readonly print: (line: string) => void }): RotatingCertificate {
  const { directory, nodeName, addresses, clock, random, logger } = options;
  const names = subjectNames(addresses);
  const store = new LinkedPemStore(directory, 'kubelet-server', clock);
  const order = { signerName: 'kubernetes.io/kubelet-serving', nodeName, dnsNames: names.dns, ipAddresses: names.ips } as const;
  return new RotatingCertificate({
    purpose: 'serving',
    store,
    issue: async (signal) => {
      const key = await store.pendingKey();
      try {
        const onPending = (name: string): void => print(`BOOTSTRAP: TLS certificate requires manual approval. Run kubectl certificate approve ${name}`);
        const cert = await requestCertificate({ api, order, key, patience, clock, random, logger, signal, onPending });
        print('BOOTSTRAP: received TLS certificate approval: continuing');
        return { cert, key };
      } catch (error) {
        if (error instanceof RequestRefused) await store.dropPendingKey();
        throw error;
      }
    },
    fits: covers(names),
    clock,
    random,
    logger,
  });
}

interface SubjectNames {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

function subjectNames(addresses: readonly NodeAddress[]): SubjectNames {
  const all = [...new Set(addresses.map(({ address }) => address))];
  return { dns: all.filter((address) => isIP(address) === 0), ips: all.filter((address) => isIP(address) !== 0) };
}

/** A certificate for other addresses is as good as none. */
function covers({ dns, ips }: SubjectNames): (certificate: X509Certificate) => boolean {
  return (certificate) => dns.every((name) => certificate.checkHost(name) !== undefined) && ips.every((ip) => certificate.checkIP(ip) !== undefined);
}
