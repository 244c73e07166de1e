import type { Node, Pod } from '../../api/kubernetes.ts';
import type { PodFailure } from '../status/generate-pod-status.ts';

const osLabel = 'kubernetes.io/os';

/** A pod for `linux` by `spec.os` is taken: the node's host is Linux, and the API knows no name for Wasm. */
export function checkOperatingSystem({ spec }: Pod, { metadata }: Node): PodFailure | undefined {
  const wanted = spec.nodeSelector?.[osLabel];
  const have = metadata.labels?.[osLabel];
  if (wanted !== undefined && wanted !== have) {
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  }
  if (spec.os !== undefined && spec.os !== null && spec.os.name !== 'linux') {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  return undefined;
}
