/** Paths of the API and the small shapes that every list shares. */
import type { ObjectMeta } from '../../api/kubernetes.ts';

/** Anything with metadata. */
export interface ApiObject {
  readonly metadata?: ObjectMeta | undefined;
}

export interface ApiList<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

const groups = {
  pods: '/api/v1',
  nodes: '/api/v1',
  events: '/api/v1',
  configmaps: '/api/v1',
  secrets: '/api/v1',
  services: '/api/v1',
  serviceaccounts: '/api/v1',
  leases: '/apis/coordination.k8s.io/v1',
  runtimeclasses: '/apis/node.k8s.io/v1',
  csinodes: '/apis/storage.k8s.io/v1',
  certificatesigningrequests: '/apis/certificates.k8s.io/v1',
  tokenreviews: '/apis/authentication.k8s.io/v1',
  subjectaccessreviews: '/apis/authorization.k8s.io/v1',
  clusterrolebindings: '/apis/rbac.authorization.k8s.io/v1',
} as const;

export type Resource = keyof typeof groups;

/** `/api/v1/namespaces/NS/pods/NAME/status`; each part but the resource may be missing. */
export function resourcePath(resource: Resource, { namespace, name, subresource }: { namespace?: string; name?: string; subresource?: string } = {}): string {
  const parts: string[] = [groups[resource]];
  if (namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(resource);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join('/');
}
