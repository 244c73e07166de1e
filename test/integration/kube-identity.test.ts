import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { WasmletError } from '../../core/api/errors.ts';
import type { ApiError } from '../../core/kube/api/api-error.ts';
import { openIdentity } from '../../core/kube/identity/identity.ts';
import type { Identity, IdentityOptions } from '../../core/kube/identity/identity.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { systemClock } from '../../core/telemetry/system-clock.ts';
import { StatusError, startApiFake } from '../support/api-fake/api-fake.ts';
import type { ApiFake } from '../support/api-fake/api-fake.ts';
import { RequestSigner } from '../support/sign-request.ts';

const day = 24 * 3600_000;

describe('identity against the API fake', () => {
  let fake: ApiFake;
  let signer: RequestSigner;
  let directory: string;
  let bootstrapKubeconfig: string;
  const open: Identity[] = [];
  const printed: string[] = [];

  beforeEach(async () => {
    signer = await RequestSigner.create();
    fake = await startApiFake({ tls: { ...(await signer.issueServer()), authority: signer.certificate } });
    directory = await mkdtemp(join(tmpdir(), 'wasmlet-identity-'));
    bootstrapKubeconfig = await fake.writeKubeconfig('bootstrap');
    printed.length = 0;
  });

  afterEach(async () => {
    for (const identity of open.splice(0)) await identity.stop();
    await fake.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const start = async (configuration: Partial<IdentityOptions['configuration']> = {}, signal?: AbortSignal): Promise<Identity> => {
    const identity = await openIdentity({
      configuration: { nodeName: 'fake-node', hostname: 'fake-host', rootDirectory: directory, bootstrapKubeconfig, serverTLSBootstrap: false, rotateCertificates: true, ...configuration },
      addresses: [{ type: 'InternalIP', address: '192.0.2.1' }, { type: 'Hostname', address: 'fake-host' }],
      version: '0.1.0',
      clock: systemClock,
      logger: silentLogger,
      random: () => 0.5,
      print: (line) => printed.push(line),
      ...(signal === undefined ? {} : { signal }),
    });
    open.push(identity);
    return identity;
  };
  const requests = () => fake.objects.list('certificatesigningrequests');
  /** Signs what is asked for and not answered; the answers' times by signer. */
  const approve = async (from = Date.now() - 60_000, until = Date.now() + 365 * day): Promise<string> => {
    const request = await fake.until('a request', () => requests().find((candidate) => candidate['status'].certificate === undefined));
    const certificate = await signer.sign(request['spec'].request, from, until);
    fake.patch('certificatesigningrequests', undefined, request.metadata.name, { status: { conditions: [{ type: 'Approved', status: 'True' }], certificate } }, 'status');
    return request.metadata.name;
  };

  it('asks for a client certificate, waits for the approval, and writes a kubeconfig that nobody else can read', async () => {
    const opening = start();
    await approve();
    const identity = await opening;
    assert.ok(identity.api);
    const [request] = requests();
    assert.match(request!.metadata.name, /^node-csr-[0-9a-f]{40}$/);
    assert.equal(request!['spec'].signerName, 'kubernetes.io/kube-apiserver-client-kubelet');
    assert.deepEqual(request!['spec'].usages, ['digital signature', 'client auth']);
    const kubeconfig = join(directory, 'kubeconfig');
    assert.equal((await stat(kubeconfig)).mode & 0o777, 0o600);
    const current = join(directory, 'pki', 'kubelet-client-current.pem');
    assert.equal((await stat(current)).mode & 0o777, 0o600);
    assert.equal(new X509Certificate(await readFile(current)).subject, 'O=system:nodes\nCN=system:node:fake-node');
    assert.match(await readFile(kubeconfig, 'utf8'), /default-auth/);
    // The next start needs no bootstrap.
    await start({ bootstrapKubeconfig: undefined, kubeconfig });
    assert.equal(requests().length, 1);
  });

  it('keeps its key over a restart, so that the approval of the old request is not lost', async () => {
    const first = new AbortController();
    const opening = start({}, first.signal);
    const request = await fake.until('a request', () => requests()[0]);
    first.abort(new Error('the node stops'));
    await assert.rejects(opening, /the node stops/);
    await approve();
    await start();
    assert.deepEqual(requests().map(({ metadata }) => metadata.name), [request.metadata.name]);
  });

  it('takes a lost answer for what it is', async () => {
    fake.faults.add({ method: 'POST' }, { kind: 'lose-answer' });
    const opening = start();
    await approve();
    await assert.doesNotReject(opening.catch(async () => start()));
    assert.equal(requests().length, 1);
  });

  it('says that it was denied, and does not repeat the denied request', async () => {
    const opening = start();
    const request = await fake.until('a request', () => requests()[0]);
    fake.patch('certificatesigningrequests', undefined, request.metadata.name, { status: { conditions: [{ type: 'Denied', status: 'True', message: 'not you' }] } }, 'status');
    await assert.rejects(opening, (error: unknown) => error instanceof WasmletError && error.code === 'BOOTSTRAP_FAILED' && /denied: not you/.test(error.message));
    const again = start();
    await fake.until('another request', () => requests().length === 2);
    await approveNewest();
    await again;
  });

  const approveNewest = async (): Promise<void> => {
    const request = requests().at(-1)!;
    const certificate = await signer.sign(request['spec'].request, Date.now() - 60_000, Date.now() + day);
    fake.patch('certificatesigningrequests', undefined, request.metadata.name, { status: { certificate } }, 'status');
  };

  it('waits while a new token is not accepted yet', async () => {
    fake.faults.add({ method: 'POST' }, { kind: 'refuse', error: new StatusError(401, 'Unauthorized', 'Unauthorized') }, 2);
    const opening = start();
    await approve();
    await opening;
  });

  it('rotates a certificate that is old, without a restart', async () => {
    // 80 % of its life is the point for random 0.5: this one is past it.
    const opening = start();
    await approve(Date.now() - 9 * day, Date.now() + day);
    const identity = await opening;
    await fake.until('the renewal', () => requests().length === 2);
    await approve();
    const current = join(directory, 'pki', 'kubelet-client-current.pem');
    const end = Date.now() + 10_000;
    while (new X509Certificate(await readFile(current)).validToDate.getTime() < Date.now() + 300 * day) {
      assert.ok(Date.now() < end);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.notEqual(requests()[0]!['spec'].request, requests()[1]!['spec'].request);
    assert.equal((await identity.api!.call<{ kind: string }>({ method: 'GET', path: '/api/v1/nodes/fake-node' }).catch((error: ApiError) => error.code)), 404);
  });

  it('refuses the kubeconfig of another node', async () => {
    const opening = start();
    await approve();
    await opening;
    await assert.rejects(start({ nodeName: 'another', kubeconfig: join(directory, 'kubeconfig') }), /is for system:node:fake-node, but this node's name is another/);
  });

  it('without a cluster has a self-signed certificate, the same after a restart', async () => {
    const identity = await start({ bootstrapKubeconfig: undefined });
    assert.equal(identity.api, undefined);
    const certificate = new X509Certificate(identity.servingCertificate.current()!.cert);
    assert.ok(certificate.checkIP('192.0.2.1') && certificate.checkIP('127.0.0.1') && certificate.checkHost('fake-host'));
    assert.equal((await stat(join(directory, 'pki', 'kubelet.key'))).mode & 0o777, 0o600);
    const again = await start({ bootstrapKubeconfig: undefined });
    assert.deepEqual(again.servingCertificate.current(), identity.servingCertificate.current());
    assert.equal(identity.clientCA.current(), undefined);
  });

  it('makes another certificate when the one on disk is broken', async () => {
    await mkdir(join(directory, 'pki'), { recursive: true });
    await writeFile(join(directory, 'pki', 'kubelet.crt'), '-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n');
    await writeFile(join(directory, 'pki', 'kubelet.key'), 'nonsense');
    const identity = await start({ bootstrapKubeconfig: undefined });
    assert.ok(new X509Certificate(identity.servingCertificate.current()!.cert).checkIP('192.0.2.1'));
  });

  it('has the cluster sign its serving certificate, says so in Krustlet\'s words, and serves none before', async () => {
    const opening = start({ serverTLSBootstrap: true });
    await approve();
    const identity = await opening;
    const serving = await fake.until('the serving request', () => requests().find((request) => request['spec'].signerName === 'kubernetes.io/kubelet-serving'));
    await fake.until('the line', () => printed.includes(`BOOTSTRAP: TLS certificate requires manual approval. Run kubectl certificate approve ${serving.metadata.name}`));
    assert.equal(identity.servingCertificate.current(), undefined);
    const changed = new Promise<void>((resolve) => identity.servingCertificate.onChange(resolve));
    await approve();
    await changed;
    assert.ok(new X509Certificate(identity.servingCertificate.current()!.cert).checkIP('192.0.2.1'));
    assert.equal(printed.at(-1), 'BOOTSTRAP: received TLS certificate approval: continuing');
    assert.ok((await readdir(join(directory, 'pki'))).some((file) => /^kubelet-server-\d{4}/.test(file)));
  });

  it('follows a configured certificate when its files change', async () => {
    const identity = await start({ bootstrapKubeconfig: undefined });
    const pair = identity.servingCertificate.current()!;
    const [tlsCertFile, tlsPrivateKeyFile] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
    await writeFile(tlsCertFile, pair.cert);
    await writeFile(tlsPrivateKeyFile, pair.key);
    const configured = await start({ bootstrapKubeconfig: undefined, tlsCertFile, tlsPrivateKeyFile });
    assert.deepEqual(configured.servingCertificate.current(), pair);
    await writeFile(tlsCertFile, 'nonsense');
    await assert.rejects(start({ bootstrapKubeconfig: undefined, tlsCertFile, tlsPrivateKeyFile }), /holds no certificate/);
  });
});
