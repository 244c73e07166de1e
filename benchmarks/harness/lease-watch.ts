import type { ApiClient } from '../../test/cluster/api-client.ts';

/** Sees a node's lease being renewed, from now until `stop`. */
export class LeaseWatch {
  readonly #renewals: number[] = [performance.now()];
  #end: () => void = () => undefined;

  static async start(client: ApiClient, node: string): Promise<LeaseWatch> {
    const watch = new LeaseWatch();
    watch.#end = await client.watch('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', `fieldSelector=metadata.name%3D${node}`, (event, at) => {
      if (event.type === 'MODIFIED') watch.#renewals.push(at);
    });
    return watch;
  }

  /** Ends the watch; the longest time without a renewal, its start and end included, in seconds. */
  stop(): number {
    this.#end();
    const times = [...this.#renewals, performance.now()];
    return Math.max(...times.slice(1).map((time, index) => time - times[index]!)) / 1000;
  }
}
