import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import 'reflect-metadata';
import type { CertificateStore } from '../../../core/kube/identity/certificate-store.ts';
import { RotatingCertificate } from '../../../core/kube/identity/rotating-certificate.ts';
import { createSelfSigned } from '../../../core/kube/identity/x509.ts';
import type { CertificatePair } from '../../../core/kube/identity/x509.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';
import { VirtualClock } from '../../support/kubelet/virtual-clock.ts';

const day = 24 * 3600_000;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function memoryStore(initial?: CertificatePair): CertificateStore & { saved: number } {
  let pair = initial;
  return {
    saved: 0,
    load: async () => pair,
    async save(next) {
      pair = next;
      this.saved++;
    },
    pendingKey: async () => '',
    dropPendingKey: async () => {},
  };
}

describe('RotatingCertificate', { timeout: 20_000 }, () => {
  const open = async (store: CertificateStore, clock: VirtualClock, issue: () => Promise<CertificatePair>, fits = () => true) => {
    const certificate = new RotatingCertificate({ purpose: 'serving', store, issue, fits, clock, random: () => 0.5, logger: silentLogger });
    await certificate.load();
    return certificate;
  };
  const issueFor = (clock: VirtualClock) => () => createSelfSigned('h', ['h'], [], clock.now(), 365 * day);

  it('renews a year-long certificate at 80 % of its life, not when a timer of 24 days overflows', async () => {
    const clock = new VirtualClock();
    const store = memoryStore();
    const certificate = await open(store, clock, issueFor(clock));
    await certificate.ensure();
    let changes = 0;
    certificate.onChange(() => changes++);
    certificate.start();
    await clock.advance(291 * day, settle);
    assert.equal(store.saved, 1);
    await clock.advance(2 * day, settle);
    // The key is made in another thread.
    while (changes === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual([store.saved, changes], [2, 1]);
    await certificate.stop();
  });

  it('tries again with back-off, and keeps the old one meanwhile', async () => {
    const clock = new VirtualClock();
    const old = await createSelfSigned('h', ['h'], [], clock.now() - 330 * day, 365 * day);
    let tries = 0;
    const certificate = await open(memoryStore(old), clock, async () => {
      tries++;
      throw new Error('nobody approves');
    });
    certificate.start();
    await clock.advance(120_000, settle);
    assert.ok(tries >= 6 && tries <= 8, `${tries} tries`);
    assert.equal(certificate.current(), old);
    await certificate.stop();
  });

  it('does not take one that has expired, or that is for other names', async () => {
    const clock = new VirtualClock();
    const expired = await createSelfSigned('h', ['h'], [], clock.now() - 400 * day, 365 * day);
    assert.equal((await open(memoryStore(expired), clock, issueFor(clock))).current(), undefined);
    const valid = await createSelfSigned('h', ['h'], [], clock.now(), 365 * day);
    assert.equal((await open(memoryStore(valid), clock, issueFor(clock), () => false)).current(), undefined);
    assert.deepEqual((await open(memoryStore(valid), clock, issueFor(clock))).current(), valid);
  });
});
