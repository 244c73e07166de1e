import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiClient } from './api-client.ts';
import type { Binaries } from './build.ts';
import { CertificateAuthority, type KeyPair } from './certificates.ts';
import type { RegistryAddress } from './registry.ts';

/** A running control plane as plain data: what `cluster.json` holds, so that other processes can use it. */
export interface ClusterDescription {
  /** Absolute; holds pki/, logs/ and the kubeconfigs. */
  readonly directory: string;
  /** The API server's URL. */
  readonly url: string;
  /** Path of the administrator's kubeconfig (group `system:masters`). */
  readonly kubeconfig: string;
  readonly binaries: Binaries;
  /** Absent where the binaries hold no registry. It asks for no credentials and speaks plain HTTP. */
  readonly registry?: RegistryAddress;
  /** Process ids by component, at the time of writing. */
  readonly pids: Readonly<Record<string, number>>;
}

/** Who calls the API server: CN and O of a client certificate. */
export interface User {
  readonly name: string;
  readonly groups?: readonly string[];
}

export interface KubectlOptions {
  /** For kubectl's stdin. */
  readonly input?: string;
  /** Path; the administrator's by default. */
  readonly kubeconfig?: string;
  /** kubectl is killed after it (default 60,000). */
  readonly timeoutMilliseconds?: number;
}

export interface KubectlResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 137 where the time was up. */
  readonly code: number;
}

/** What can be done with a control plane by whoever holds its description; its owner can do more. */
export class ClusterAccess {
  readonly description: ClusterDescription;

  constructor(description: ClusterDescription) {
    this.description = description;
  }

  /** @param path of a `cluster.json` */
  static async open(path: string): Promise<ClusterAccess> {
    return new ClusterAccess(JSON.parse(await readFile(path, 'utf8')) as ClusterDescription);
  }

  get url(): string {
    return this.description.url;
  }

  get kubeconfig(): string {
    return this.description.kubeconfig;
  }

  /** Holds ca.crt, ca.key and each component's `<name>.crt` and `.key`. */
  get pki(): string {
    return join(this.description.directory, 'pki');
  }

  get registry(): RegistryAddress | undefined {
    return this.description.registry;
  }

  /** Whether pods get nodes, service accounts, deletion by owners … and CSRs get signed. */
  get hasControllers(): boolean {
    const { binaries } = this.description;
    return Boolean(binaries['kube-controller-manager'] && binaries['kube-scheduler']);
  }

  /** Runs kubectl to its end; a code other than 0 is a result, not an error. */
  async kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<KubectlResult> {
    const child = this.spawnKubectl(args, options);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // kubectl may end without reading its input; its exit code tells.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMilliseconds ?? 60_000);
    try {
      const code = await new Promise<number>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (status) => resolve(status ?? 137));
      });
      return { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString(), code };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Starts kubectl with pipes, for what lasts: `logs -f`, `port-forward`. The caller ends it. */
  spawnKubectl(args: readonly string[], options: Pick<KubectlOptions, 'kubeconfig'> = {}): ChildProcessWithoutNullStreams {
    const { directory, binaries, kubeconfig } = this.description;
    return spawn(binaries.kubectl!, args, {
      // HOME: kubectl keeps its discovery cache there.
      env: { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: options.kubeconfig ?? kubeconfig },
    });
  }

  /** A client certificate of the cluster's authority. */
  async issueClientCertificate(user: User): Promise<KeyPair> {
    const authority = new CertificateAuthority({
      certificate: await readFile(join(this.pki, 'ca.crt'), 'utf8'),
      key: await readFile(join(this.pki, 'ca.key'), 'utf8'),
    });
    return authority.issue({ commonName: user.name, ...(user.groups && { organizations: user.groups }) });
  }

  /** Writes a kubeconfig with a certificate of that user to `path`; returns the path. */
  async writeKubeconfig(path: string, user: User): Promise<string> {
    const authority = await readFile(join(this.pki, 'ca.crt'), 'utf8');
    return writeKubeconfig(path, this.url, authority, await this.issueClientCertificate(user));
  }

  /** An API client; the administrator by default. */
  async apiClient(user?: User, connections?: number): Promise<ApiClient> {
    const read = (file: string): Promise<string> => readFile(join(this.pki, file), 'utf8');
    const identity = user
      ? await this.issueClientCertificate(user)
      : { certificate: await read('admin.crt'), key: await read('admin.key') };
    const authority = await read('ca.crt');
    return new ApiClient({ url: this.url, authority, identity, ...(connections && { connections }) });
  }
}

/** Writes a kubeconfig that needs no other file (mode 0600); returns its path. */
export async function writeKubeconfig(path: string, url: string, authority: string, identity: KeyPair): Promise<string> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(authority) } }],
    users: [
      {
        name: 'test',
        user: {
          'client-certificate-data': base64(identity.certificate),
          'client-key-data': base64(identity.key),
        },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
  // JSON is YAML; indented, because people read it too.
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`, { mode: 0o600 });
  return path;
}
