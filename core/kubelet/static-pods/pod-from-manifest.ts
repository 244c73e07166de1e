import { createHash } from 'node:crypto';
import type { Pod } from '../../api/kubernetes.ts';
import { configSourceAnnotation } from '../../pod/annotations.ts';
import { explainMalformedPod } from '../../pod/admission/well-formed-pod.ts';

export interface ManifestOrigin {
  readonly path: string;
  readonly nodeName: string;
  /** RFC 3339. */
  readonly seenAt: string;
}

/**
 * A manifest's pod as the kubelet runs it (upstream: pkg/kubelet/config/common.go applyDefaults): a name with the node's as
 * its end, a UID from content and place, the annotations that mark its source. Throws with what is wrong in the manifest.
 */
export function podFromManifest(manifest: unknown, { path, nodeName, seenAt }: ManifestOrigin): Pod {
  if (!isObject(manifest)) throw new Error('the document is not an object');
  if (manifest['apiVersion'] !== 'v1' || manifest['kind'] !== 'Pod') {
    throw new Error(`apiVersion v1 and kind Pod are expected, not ${String(manifest['apiVersion'])} ${String(manifest['kind'])}`);
  }
  const { metadata, spec } = manifest;
  if (!isObject(metadata) || typeof metadata['name'] !== 'string') throw new Error('metadata.name is missing');
  const uid = createHash('sha256').update(JSON.stringify([nodeName, path, metadata, spec])).digest('hex').slice(0, 32);
  const pod: unknown = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(isObject(metadata['labels']) && { labels: metadata['labels'] }),
      name: `${metadata['name']}-${nodeName}`.toLowerCase(),
      namespace: metadata['namespace'] ?? 'default',
      uid,
      creationTimestamp: seenAt,
      annotations: {
        ...(isObject(metadata['annotations']) && metadata['annotations']),
        [configSourceAnnotation]: 'file',
        'kubernetes.io/config.hash': uid,
        'kubernetes.io/config.seen': seenAt,
      },
    },
    spec: {
      ...(isObject(spec) && spec),
      nodeName,
      tolerations: [...tolerationsOf(spec), { operator: 'Exists', effect: 'NoExecute' }],
    },
  };
  const problem = explainMalformedPod(pod);
  if (problem !== undefined) throw new Error(problem);
  return pod as Pod;
}

function tolerationsOf(spec: unknown): readonly unknown[] {
  const given = isObject(spec) ? spec['tolerations'] : undefined;
  return Array.isArray(given) ? given : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
