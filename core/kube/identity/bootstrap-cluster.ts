/** What `wasmlet bootstrap` does with an administrator's kubeconfig: lets nodes ask for an identity (KEP-1513, kubeadm's TLS bootstrap). */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../api/clock.ts';
import { messageOf, WasmletError } from '../../api/errors.ts';
import type { ApiClient } from '../api/api-client.ts';
import { isConflict } from '../api/api-error.ts';
import type { ClusterAccess } from '../api/kubeconfig.ts';
import { resourcePath } from '../api/resources.ts';
import { kubeconfigCluster } from './kubeconfig-cluster.ts';
import { stagePrivately } from './certificate-store.ts';
import type { StagedFile } from './certificate-store.ts';

export interface BootstrapClusterOptions {
  /** As an administrator. */
  readonly api: ApiClient;
  readonly access: ClusterAccess;
  /** Where the bootstrap kubeconfig goes, with mode 0600. */
  readonly output: string;
  /** Milliseconds that the token lives. */
  readonly lifetime: number;
  readonly clock: Clock;
}

export interface BootstrapClusterResult {
  /** The token's public half; its Secret is kube-system/bootstrap-token-<id>. */
  readonly tokenId: string;
  /** RFC 3339. */
  readonly expires: string;
  /** Names of what had to be made; the rest was there. */
  readonly created: readonly string[];
}

/** kubeadm's group: what kubeadm clusters allow it already is allowed to ours. */
const group = 'system:bootstrappers:kubeadm:default-node-token';

const bindings = [
  { name: 'wasmlet:node-bootstrapper', role: 'system:node-bootstrapper', group },
  { name: 'wasmlet:node-autoapprove-bootstrap', role: 'system:certificates.k8s.io:certificatesigningrequests:nodeclient', group },
  { name: 'wasmlet:node-autoapprove-certificate-rotation', role: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', group: 'system:nodes' },
] as const;

/** May be called again: each call makes a new token, and what else is missing. Throws ApiError, and BOOTSTRAP_FAILED when the file cannot be written. */
export async function bootstrapCluster({ api, access, output, lifetime, clock }: BootstrapClusterOptions): Promise<BootstrapClusterResult> {
  const id = randomBytes(3).toString('hex');
  const secret = randomBytes(8).toString('hex');
  // First: a token that nobody has been given would be good for as long as any other.
  const kubeconfig = await stageKubeconfig(output, access, `${id}.${secret}`);
  try {
    const made = await letNodesJoin(api, id, secret, new Date(clock.now() + lifetime));
    await kubeconfig.publish();
    return made;
  } catch (error) {
    await kubeconfig.discard();
    throw error;
  }
}

async function letNodesJoin(api: ApiClient, id: string, secret: string, end: Date): Promise<BootstrapClusterResult> {
  const created: string[] = [];
  for (const binding of bindings) if (await createBinding(api, binding)) created.push(`clusterrolebinding/${binding.name}`);
  const expires = end.toISOString().replace(/\.\d+Z/, 'Z');
  await createToken(api, id, secret, expires);
  created.push(`secret/bootstrap-token-${id}`);
  return { tokenId: id, expires, created };
}

/** False: it was there. */
async function createBinding(api: ApiClient, { name, role, group: subject }: (typeof bindings)[number]): Promise<boolean> {
  const body = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: subject }],
  };
  try {
    await api.call({ method: 'POST', path: resourcePath('clusterrolebindings'), body });
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

async function createToken(api: ApiClient, id: string, secret: string, expires: string): Promise<void> {
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'bootstrap.kubernetes.io/token',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    stringData: {
      description: 'Made by wasmlet bootstrap',
      'token-id': id,
      'token-secret': secret,
      expiration: expires,
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': group,
    },
  };
  await api.call({ method: 'POST', path: resourcePath('secrets', { namespace: 'kube-system' }), body });
}

/** Carries everything in itself: it is made to be copied to another machine. */
async function stageKubeconfig(path: string, access: ClusterAccess, token: string): Promise<StagedFile> {
  const { stringify } = await import('yaml');
  const ca = access.ca !== undefined && 'file' in access.ca ? { data: await readFile(access.ca.file, 'utf8') } : access.ca;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'default-cluster', cluster: kubeconfigCluster(access, ca) }],
    users: [{ name: 'bootstrap', user: { token } }],
    contexts: [{ name: 'bootstrap', context: { cluster: 'default-cluster', user: 'bootstrap' } }],
    'current-context': 'bootstrap',
  };
  try {
    return await stagePrivately(path, stringify(config));
  } catch (error) {
    throw new WasmletError('BOOTSTRAP_FAILED', `the bootstrap kubeconfig cannot be written: ${messageOf(error)}`, { cause: error });
  }
}
