import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiClient, ApiError } from './api-client.ts';
import { type Binaries, type Component, findBinaries } from './build.ts';
import { CertificateAuthority, type CertificateRequest, generatePrivateKey } from './certificates.ts';
import { ClusterAccess, type ClusterDescription, writeKubeconfig } from './cluster-access.ts';
import { apiServerFlags, controllerManagerFlags, etcdFlags, schedulerFlags } from './component-flags.ts';
import { freePorts, retryTakenPorts } from './free-ports.ts';
import { ProcessGroup } from './process-group.ts';
import { startRegistryIn } from './registry.ts';

export interface ControlPlaneOptions {
  /** Created if need be, and kept. By default a temporary directory, removed at the end. */
  readonly directory?: string;
  /** The processes outlive this one; their pids stand in the description. */
  readonly detached?: boolean;
  /** Appended to a component's flags, e.g. `{'kube-controller-manager': ['--node-monitor-grace-period=10s']}`. */
  readonly flags?: { readonly [C in Component]?: readonly string[] };
  /** From `findBinaries`; found (and built) by default. */
  readonly binaries?: Binaries;
}

const identities: Record<string, CertificateRequest> = {
  apiserver: {
    commonName: 'kube-apiserver',
    hosts: ['localhost', 'kubernetes.default.svc', '127.0.0.1', '10.96.0.1'],
  },
  admin: { commonName: 'admin', organizations: ['system:masters'] },
  'controller-manager': { commonName: 'system:kube-controller-manager' },
  scheduler: { commonName: 'system:kube-scheduler' },
  'kubelet-client': { commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'] },
};

/** A control plane of this process: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and a registry. */
export class ControlPlane extends ClusterAccess {
  readonly #processes: ProcessGroup;
  readonly #apiServerFlags: readonly string[];

  constructor(description: ClusterDescription, processes: ProcessGroup, flags: readonly string[]) {
    super(description);
    this.#processes = processes;
    this.#apiServerFlags = flags;
  }

  /**
   * SIGTERM, and SIGKILL a second later, for it would wait a minute for the watches to end. Connections are
   * refused from then on, until it is started again.
   */
  async stopApiServer(): Promise<void> {
    await this.#processes.end('kube-apiserver', 1000);
  }

  /** Starts it again on its old port; returns when it is ready. */
  async startApiServer(): Promise<void> {
    await this.#processes.start('kube-apiserver', this.description.binaries['kube-apiserver']!, this.#apiServerFlags);
    await untilApiServerIsReady(this.#processes, await this.apiClient());
  }

  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  /** Kills all processes, and removes the directory if it was a temporary one. */
  async stop(): Promise<void> {
    await this.#processes.stop();
  }
}

/**
 * Starts a control plane on free ports of 127.0.0.1 and waits until it is ready for pods. Its processes end
 * with this one, even when this one crashes. Several at once do not meet.
 *
 * @throws Error when there are no binaries for it, or a component does not start (with the end of its log)
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = options.binaries ?? (await requireBinaries());
  return retryTakenPorts(async () => {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'wasmlet-cluster-')));
    const logs = join(directory, 'logs');
    await mkdir(logs, { recursive: true });
    const processes = new ProcessGroup({
      logs,
      ...(!options.directory && { removeAtEnd: directory }),
      ...(options.detached && { detached: true }),
    });
    try {
      return await startIn(directory, binaries, processes, options.flags ?? {});
    } catch (error) {
      await processes.stop();
      await rm(join(directory, 'etcd'), { recursive: true, force: true });
      throw error;
    }
  });
}

async function requireBinaries(): Promise<Binaries> {
  const found = await findBinaries((line) => process.stderr.write(`${line}\n`));
  if ('unavailable' in found) throw new Error(found.unavailable);
  return found.binaries;
}

async function startIn(
  directory: string,
  binaries: Binaries,
  processes: ProcessGroup,
  extra: NonNullable<ControlPlaneOptions['flags']>,
): Promise<ControlPlane> {
  const [etcdPort, peerPort, apiPort] = (await freePorts(3)) as [number, number, number];
  const url = `https://127.0.0.1:${apiPort}`;
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const pki = join(directory, 'pki');
  await writePki(pki);
  const kubeconfig = (name: string): string => join(directory, `${name}.kubeconfig`);
  for (const name of ['admin', 'controller-manager', 'scheduler']) await writeComponentKubeconfig(kubeconfig(name), url, pki, name);

  const start = async (name: Component, flags: readonly string[]): Promise<void> => {
    const program = binaries[name];
    if (program) await processes.start(name, program, [...flags, ...(extra[name] ?? [])]);
  };
  const apiFlags = apiServerFlags({ pki, etcdUrl, port: apiPort, serviceAccounts: Boolean(binaries['kube-controller-manager']) });
  await start('etcd', etcdFlags({ data: join(directory, 'etcd'), clientUrl: etcdUrl, peerUrl: `http://127.0.0.1:${peerPort}` }));
  await start('kube-apiserver', apiFlags);
  const registry = binaries.registry ? await startRegistryIn(directory, binaries.registry, processes) : undefined;
  const description = { directory, url, kubeconfig: kubeconfig('admin'), binaries, ...(registry && { registry }), pids: {} };
  const admin = await new ClusterAccess(description).apiClient();
  try {
    await untilApiServerIsReady(processes, admin);
    await start('kube-controller-manager', controllerManagerFlags({ pki, kubeconfig: kubeconfig('controller-manager') }));
    await start('kube-scheduler', schedulerFlags({ kubeconfig: kubeconfig('scheduler') }));
    if (binaries['kube-controller-manager']) await untilPodsCanBeCreated(processes, admin);
  } finally {
    admin.close();
  }
  const complete = { ...description, pids: processes.pids };
  await writeFile(join(directory, 'cluster.json'), `${JSON.stringify(complete, null, 2)}\n`);
  return new ControlPlane(complete, processes, [...apiFlags, ...(extra['kube-apiserver'] ?? [])]);
}

async function writePki(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const write = async (name: string, pair: { certificate: string; key: string }): Promise<void> => {
    await writeFile(join(directory, `${name}.crt`), pair.certificate);
    await writeFile(join(directory, `${name}.key`), pair.key, { mode: 0o600 });
  };
  const authority = await CertificateAuthority.create('wasmlet-test-ca');
  await write('ca', authority);
  for (const [name, request] of Object.entries(identities)) await write(name, await authority.issue(request));
  const frontProxy = await CertificateAuthority.create('wasmlet-test-front-proxy-ca');
  await write('front-proxy-ca', frontProxy);
  await write('front-proxy-client', await frontProxy.issue({ commonName: 'front-proxy-client' }));
  await writeFile(join(directory, 'service-accounts.key'), generatePrivateKey(), { mode: 0o600 });
}

async function writeComponentKubeconfig(path: string, url: string, pki: string, name: string): Promise<void> {
  const read = (file: string): Promise<string> => readFile(join(pki, file), 'utf8');
  await writeKubeconfig(path, url, await read('ca.crt'), { certificate: await read(`${name}.crt`), key: await read(`${name}.key`) });
}

async function untilApiServerIsReady(processes: ProcessGroup, admin: ApiClient): Promise<void> {
  await processes.untilReady('kube-apiserver', () => answers(admin, '/readyz'));
}

/** The service account controller writes these two; without the first no pod of the namespace is admitted. */
async function untilPodsCanBeCreated(processes: ProcessGroup, admin: ApiClient): Promise<void> {
  for (const path of ['serviceaccounts/default', 'configmaps/kube-root-ca.crt']) {
    await processes.untilReady('kube-controller-manager', () => answers(admin, `/api/v1/namespaces/default/${path}`));
  }
}

async function answers(client: ApiClient, path: string): Promise<boolean> {
  try {
    await client.request('GET', path);
    return true;
  } catch (error) {
    if (error instanceof ApiError || ['ECONNREFUSED', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
