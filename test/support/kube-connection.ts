import { ApiClient } from '../../core/kube/api/api-client.ts';
import { readKubeconfig } from '../../core/kube/api/kubeconfig.ts';
import { silentLogger } from '../../core/telemetry/logger.ts';
import { systemClock } from '../../core/telemetry/system-clock.ts';

/** A client as the kubeconfig says. */
export async function connect(kubeconfig: string): Promise<ApiClient> {
  return new ApiClient({ access: await readKubeconfig(kubeconfig), clock: systemClock, logger: silentLogger, userAgent: 'wasmlet-test' });
}
