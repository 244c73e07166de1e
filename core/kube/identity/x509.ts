/**
 * Keys, certificate requests and self-signed certificates. @peculiar/x509 is loaded when one is to be made, which is
 * seldom: at the first start, and once in the life of a certificate. It needs reflect-metadata, which core/composition.ts loads.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import type { CertificateOrder } from './certificate-request.ts';

export interface CertificatePair {
  /** PEM, leaf first. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A new EC P-256 key as PEM. */
export function createKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1', publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } }).privateKey;
}

/** PKCS #10 as PEM, with the subject that the Node authorizer knows a kubelet by. */
export async function createRequest({ nodeName, dnsNames, ipAddresses }: Pick<CertificateOrder, 'nodeName' | 'dnsNames' | 'ipAddresses'>, key: string): Promise<string> {
  const x509 = await load();
  const names = [...dnsNames.map((value) => ({ type: 'dns', value }) as const), ...ipAddresses.map((value) => ({ type: 'ip', value }) as const)];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: ['system:nodes'] }, { CN: [`system:node:${nodeName}`] }],
    keys: await importKey(key),
    signingAlgorithm: algorithm,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  });
  return `${request.toString('pem')}\n`;
}

/** For a serving port that nobody verifies. `now` and `lifetime` in ms. */
export async function createSelfSigned(commonName: string, dnsNames: readonly string[], ipAddresses: readonly string[], now: number, lifetime: number): Promise<CertificatePair> {
  const x509 = await load();
  const key = createKey();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys: await importKey(key),
    signingAlgorithm: algorithm,
    // Clocks differ.
    notBefore: new Date(now - 3600_000),
    notAfter: new Date(now + lifetime),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([...dnsNames.map((value) => ({ type: 'dns', value }) as const), ...ipAddresses.map((value) => ({ type: 'ip', value }) as const)]),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key };
}

async function load(): Promise<typeof X509> {
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as never);
  return x509;
}

async function importKey(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const { subtle } = webcrypto;
  const privateKey = await subtle.importKey('pkcs8', createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }), algorithm, false, ['sign']);
  const publicKey = await subtle.importKey('spki', createPublicKey(pem).export({ type: 'spki', format: 'der' }), algorithm, true, ['verify']);
  return { privateKey, publicKey };
}
