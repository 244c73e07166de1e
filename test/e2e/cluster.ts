import { join } from 'node:path';
import { findBinaries } from '../cluster/build.ts';
import { ClusterAccess } from '../cluster/cluster-access.ts';
import { startControlPlane } from '../cluster/control-plane.ts';

const variable = 'WASMLET_TEST_CLUSTER';

/** The cluster of a run of e2e tests; `release` ends it if it was this file's own. */
export interface TestCluster {
  readonly cluster: ClusterAccess;
  release(): Promise<void>;
}

/**
 * Starts the control plane of a whole run and tells the test files of it by the environment; the runner calls it once.
 *
 * @returns undefined where there can be none (the files then skip), or the environment names one already
 */
export async function provideCluster(): Promise<{ stop(): Promise<void> } | undefined> {
  if (process.env[variable] || (await reasonToSkip())) return undefined;
  const cluster = await startControlPlane();
  process.env[variable] = join(cluster.description.directory, 'cluster.json');
  return {
    stop: async () => {
      delete process.env[variable];
      await cluster.stop();
    },
  };
}

/**
 * The control plane that all e2e test files of a run share: `WASMLET_TEST_CLUSTER` holds the path of its
 * `cluster.json`. Without it (one file run alone) a control plane is started for the file.
 *
 * Call it in `before`, after {@link reasonToSkip}. Make a namespace of your own, and names of your own for what has
 * no namespace. Whoever stops the API server starts a control plane of his own (`startControlPlane`).
 */
export async function acquireCluster(): Promise<TestCluster> {
  const shared = process.env[variable];
  if (shared) return { cluster: await ClusterAccess.open(shared), release: () => Promise.resolve() };
  const cluster = await startControlPlane();
  return { cluster, release: () => cluster.stop() };
}

/** What a test needs beyond an API server. */
export type Need = 'controllers' | 'metrics-server' | 'registry';

/**
 * Why there can be no such cluster here, for `{skip}` of a suite; false where there can. Builds the control plane when
 * nobody has yet.
 */
export async function reasonToSkip(...needs: readonly Need[]): Promise<string | false> {
  const found = await findBinaries((line) => process.stderr.write(`${line}\n`));
  if ('unavailable' in found) return found.unavailable;
  const { binaries } = found;
  if (needs.includes('controllers') && !(binaries['kube-controller-manager'] && binaries['kube-scheduler'])) {
    return 'KUBEBUILDER_ASSETS has no kube-controller-manager and kube-scheduler';
  }
  for (const need of ['metrics-server', 'registry'] as const) {
    if (needs.includes(need) && !binaries[need]) return `KUBEBUILDER_ASSETS has no ${need}`;
  }
  return false;
}
