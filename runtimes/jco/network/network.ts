import type { GuestTask } from '../../../core/api/runtime.ts';
import { HttpClient } from '../http/client.ts';
import { NetworkPolicy } from './network-policy.ts';
import type { NetworkConfiguration } from './network-policy.ts';

/** What a container's instances share of the network. */
export interface Network {
  readonly policy: NetworkPolicy;
  readonly client: HttpClient;
  close(): void;
}

/** `plugins.runtime-jco` of the node's configuration; its schema is in plugin.json. */
interface Configuration {
  readonly network?: NetworkConfiguration;
}

export function openNetwork({ configuration }: GuestTask): Network {
  const policy = new NetworkPolicy((configuration as Configuration | undefined)?.network);
  const client = new HttpClient(policy);
  return { policy, client, close: () => client.close() };
}
