import { WasmletError } from '../../api/errors.ts';
import type { Pod } from '../../api/kubernetes.ts';

export interface PodAddresses {
  readonly hostIPs: readonly string[];
  readonly podIPs: readonly string[];
}

/** The value of an `env[].valueFrom.fieldRef`. Throws FIELD_INVALID for paths that environment variables cannot have. */
export function fieldReference(pod: Pod, fieldPath: string, { hostIPs, podIPs }: PodAddresses): string {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (subscript) {
    const map = pod.metadata[subscript[1] as 'labels' | 'annotations'] ?? {};
    const key = subscript[2] ?? '';
    return Object.hasOwn(map, key) ? String(map[key]) : '';
  }
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace;
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return hostIPs[0] ?? '';
    case 'status.hostIPs':
      return hostIPs.join(',');
    case 'status.podIP':
      return podIPs[0] ?? '';
    case 'status.podIPs':
      return podIPs.join(',');
    default:
      throw new WasmletError('FIELD_INVALID', `field path "${fieldPath}" cannot be an environment variable`);
  }
}
