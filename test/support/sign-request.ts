import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const subjectAlternativeName = '2.5.29.17';

/** A certificate authority that signs what it is asked to. */
export class RequestSigner {
  readonly certificate: string;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(certificate: string, keys: webcrypto.CryptoKeyPair) {
    this.certificate = certificate;
    this.#keys = keys;
  }

  static async create(): Promise<RequestSigner> {
    x509.cryptoProvider.set(webcrypto as never);
    const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']));
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=test-ca',
      keys,
      signingAlgorithm: algorithm,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    });
    return new RequestSigner(certificate.toString('pem'), keys);
  }

  /** For a server on 127.0.0.1; PEM. */
  async issueServer(): Promise<{ readonly cert: string; readonly key: string }> {
    const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']));
    const certificate = await x509.X509CertificateGenerator.create({
      subject: 'CN=kube-apiserver',
      issuer: 'CN=test-ca',
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
    });
    return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY') };
  }

  /** `request`: base64 of the PEM, as in spec.request. Answers status.certificate. Times in ms since the epoch. */
  async sign(request: string, notBefore: number, notAfter: number): Promise<string> {
    const parsed = new x509.Pkcs10CertificateRequest(Buffer.from(request, 'base64').toString());
    if (!(await parsed.verify())) throw new Error('the request is not signed by its key');
    const names = parsed.extensions.filter(({ type }) => type === subjectAlternativeName);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: parsed.subject,
      issuer: 'CN=test-ca',
      publicKey: parsed.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
      extensions: names,
    });
    return Buffer.from(certificate.toString('pem')).toString('base64');
  }
}
