import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { CertificateStore } from './certificate-store.ts';
import type { CertificatePair } from './x509.ts';

export interface RotatingCertificateOptions {
  /** For the log: `client`, `serving`. */
  readonly purpose: string;
  readonly store: CertificateStore;
  /** Makes or fetches a new one; may take as long as somebody needs to approve it. */
  readonly issue: (signal: AbortSignal) => Promise<CertificatePair>;
  /** False: the certificate is for other names than ours. */
  readonly fits: (certificate: X509Certificate) => boolean;
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

const firstRetry = 2_000;
const longestRetry = 32_000;
/** Timers are bounded (a certificate's life is not), and the machine may have slept. */
const longestWait = 3600_000;

/** A certificate that is replaced between 70 and 90 % of its life, without a restart (kubelet: certificate.Manager). */
export class RotatingCertificate {
  readonly #options: RotatingCertificateOptions;
  readonly #stopped = new AbortController();
  readonly #listeners = new Set<() => void>();
  #pair: CertificatePair | undefined;
  #rotateAt = 0;
  #running: Promise<void> | undefined;

  constructor(options: RotatingCertificateOptions) {
    this.#options = options;
  }

  /** Undefined while there is none that is valid for our names. */
  current(): CertificatePair | undefined {
    return this.#pair;
  }

  /** Returns what ends the subscription. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads what is on disk. */
  async load(): Promise<void> {
    const pair = await this.#options.store.load();
    if (pair === undefined) return;
    const certificate = this.#parse(pair);
    if (certificate === undefined || !this.#options.fits(certificate) || expiry(certificate) <= this.#options.clock.now()) return;
    this.#take(pair, certificate);
  }

  /** Gets the first one if there is none; throws when that fails. */
  async ensure(): Promise<void> {
    if (this.#pair === undefined) await this.#renew();
  }

  /** Keeps it fresh from now on. */
  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger, purpose } = this.#options;
    const { signal } = this.#stopped;
    let retry = firstRetry;
    while (!signal.aborted) {
      const due = this.#rotateAt - clock.now();
      if (due > 0) {
        await clock.sleep(Math.min(due, longestWait), signal);
        continue;
      }
      try {
        await this.#renew();
        retry = firstRetry;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ error: messageOf(error), purpose, retryIn: retry }, 'Certificate was not renewed');
        await clock.sleep(retry, signal);
        retry = Math.min(longestRetry, retry * 2);
      }
    }
  }

  async #renew(): Promise<void> {
    const { issue, store, logger, purpose } = this.#options;
    const pair = await issue(this.#stopped.signal);
    const certificate = new X509Certificate(pair.cert);
    await store.save(pair);
    this.#take(pair, certificate);
    logger.info({ purpose, expires: certificate.validTo }, 'Certificate renewed');
    for (const listener of this.#listeners) listener();
  }

  #take(pair: CertificatePair, certificate: X509Certificate): void {
    this.#pair = pair;
    const begin = certificate.validFromDate.getTime();
    this.#rotateAt = begin + (expiry(certificate) - begin) * (0.7 + 0.2 * this.#options.random());
  }

  #parse(pair: CertificatePair): X509Certificate | undefined {
    try {
      return new X509Certificate(pair.cert);
    } catch (error) {
      this.#options.logger.warn({ error: messageOf(error), purpose: this.#options.purpose }, 'Certificate on disk is not readable, another one is made');
      return undefined;
    }
  }
}

function expiry(certificate: X509Certificate): number {
  return certificate.validToDate.getTime();
}
