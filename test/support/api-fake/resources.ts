/** The kinds that the fake serves, by their path. */
export interface ResourceKind {
  readonly resource: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly namespaced: boolean;
}

const kind = (resource: string, name: string, apiVersion: string, namespaced: boolean): ResourceKind => ({ resource, kind: name, apiVersion, namespaced });

export const resourceKinds: readonly ResourceKind[] = [
  kind('pods', 'Pod', 'v1', true),
  kind('nodes', 'Node', 'v1', false),
  kind('events', 'Event', 'v1', true),
  kind('configmaps', 'ConfigMap', 'v1', true),
  kind('secrets', 'Secret', 'v1', true),
  kind('services', 'Service', 'v1', true),
  kind('serviceaccounts', 'ServiceAccount', 'v1', true),
  kind('namespaces', 'Namespace', 'v1', false),
  kind('leases', 'Lease', 'coordination.k8s.io/v1', true),
  kind('runtimeclasses', 'RuntimeClass', 'node.k8s.io/v1', false),
  kind('csinodes', 'CSINode', 'storage.k8s.io/v1', false),
  kind('certificatesigningrequests', 'CertificateSigningRequest', 'certificates.k8s.io/v1', false),
  kind('tokenreviews', 'TokenReview', 'authentication.k8s.io/v1', false),
  kind('subjectaccessreviews', 'SubjectAccessReview', 'authorization.k8s.io/v1', false),
  kind('clusterrolebindings', 'ClusterRoleBinding', 'rbac.authorization.k8s.io/v1', false),
];

export interface Target {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** `/api/v1/namespaces/ns/pods/p/status` → its parts; undefined: no such path. */
export function parsePath(path: string): Target | undefined {
  const parts = path.split('/').filter((part) => part !== '').map(decodeURIComponent);
  const apiVersion = parts[0] === 'api' ? parts[1] : parts[0] === 'apis' ? `${parts[1]}/${parts[2]}` : undefined;
  let rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  let namespace: string | undefined;
  if (rest[0] === 'namespaces' && rest.length > 2) {
    namespace = rest[1];
    rest = rest.slice(2);
  }
  const found = resourceKinds.find((candidate) => candidate.apiVersion === apiVersion && candidate.resource === rest[0]);
  if (found === undefined || rest.length > 3 || (namespace !== undefined && !found.namespaced)) return undefined;
  return { kind: found, namespace, name: rest[1], subresource: rest[2] };
}
