import 'reflect-metadata';
import { createPrivateKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate and its key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** Kubernetes groups. */
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses: makes it a server's certificate; without any it is a client's. */
  readonly hosts?: readonly string[];
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMilliseconds = 86_400_000;

/** A certificate authority for tests: P-256 keys, certificates good for a year. */
export class CertificateAuthority implements KeyPair {
  readonly certificate: string;
  readonly key: string;

  constructor(pair: KeyPair) {
    this.certificate = pair.certificate;
    this.key = pair.key;
  }

  static async create(commonName: string): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: `CN=${commonName}`,
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority({
      certificate: `${certificate.toString('pem')}\n`,
      key: await privateKeyPem(keys.privateKey),
    });
  }

  async issue(request: CertificateRequest): Promise<KeyPair> {
    const keys = await generateKeys();
    const issuer = new x509.X509Certificate(this.certificate);
    const hosts = request.hosts ?? [];
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(),
      subject: new x509.Name([
        ...(request.organizations ?? []).map((name) => ({ O: [name] })),
        { CN: [request.commonName] },
      ]),
      issuer: issuer.subject,
      publicKey: keys.publicKey,
      signingKey: await this.#signingKey(),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          hosts.length > 0 ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
        ]),
        await x509.AuthorityKeyIdentifierExtension.create(issuer),
        ...(hosts.length > 0
          ? [
              new x509.SubjectAlternativeNameExtension(
                hosts.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
              ),
            ]
          : []),
      ],
    });
    return { certificate: `${certificate.toString('pem')}\n`, key: await privateKeyPem(keys.privateKey) };
  }

  async #signingKey(): Promise<webcrypto.CryptoKey> {
    const der = createPrivateKey(this.key).export({ type: 'pkcs8', format: 'der' });
    return webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), algorithm, false, ['sign']);
  }
}

/** A private key (PEM, P-256) for service account tokens, in the one form that client-go reads public keys from too: SEC 1. */
export function generatePrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'sec1', format: 'pem' }).toString();
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY') + '\n';
}

function validity(): { serialNumber: string; notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return {
    // The first bit clear: serial numbers are positive integers (RFC 5280, 4.1.2.2).
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    notBefore: new Date(now - 60_000),
    notAfter: new Date(now + 365 * dayMilliseconds),
  };
}
