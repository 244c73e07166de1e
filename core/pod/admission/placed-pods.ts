import type { Pod } from '../../api/kubernetes.ts';
import type { Amounts } from './pod-requests.ts';

/** The pods that hold a node's resources and ports. */
export interface PlacedPods {
  readonly list: readonly Pod[];
  /** All that they ask for: whoever judges many pods may not count the others for each. */
  readonly requests: Amounts;
}
