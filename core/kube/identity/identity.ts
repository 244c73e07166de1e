// interim
import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import type { Clock } from '../../api/clock.ts';
import type { NodeAddress } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import { ApiClient } from '../api/api-client.ts';
import { readKubeconfig } from '../api/kubeconfig.ts';
interface R<T> { current(): T | undefined; onChange(l: () => void): () => void }
export interface Identity { api?: ApiClient; servingCertificate: R<{cert: string; key: string}>; clientCA: R<string>; stop(): Promise<void> }
const fixed = <T>(v: T | undefined): R<T> => ({ current: () => v, onChange: () => () => {} });
export async function openIdentity(o: { configuration: { kubeconfig?: string; nodeName: string; hostname: string }; addresses: readonly NodeAddress[]; version: string; clock: Clock; logger: Logger }): Promise<Identity> {
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as never);
  const alg = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(alg, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({ name: `CN=${o.configuration.nodeName}`, keys: keys as never, signingAlgorithm: alg, notBefore: new Date(Date.now() - 3600e3), notAfter: new Date(Date.now() + 365 * 86400e3), extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }, { type: 'dns', value: o.configuration.hostname }])] });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  const servingCertificate = fixed({ cert: cert.toString('pem'), key });
  if (o.configuration.kubeconfig === undefined) return { servingCertificate, clientCA: fixed<string>(undefined), stop: async () => {} };
  const access = await readKubeconfig(o.configuration.kubeconfig);
  const api = new ApiClient({ access, clock: o.clock, logger: o.logger, userAgent: 'wasmlet' });
  const ca = access.ca === undefined ? undefined : 'data' in access.ca ? Buffer.from(access.ca.data, 'base64').toString() : readFileSync(access.ca.file, 'utf8');
  return { api, servingCertificate, clientCA: fixed(ca), stop: async () => {} };
}
