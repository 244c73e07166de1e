/** The Node authorizer and NodeRestriction (contract §1.5, §1.6), as far as a kubelet meets them. */
import type { ObjectStore } from './object-store.ts';
import type { Target } from './resources.ts';
import { StatusError, forbidden } from './status-error.ts';

export type FakeUser = { readonly kind: 'admin' } | { readonly kind: 'bootstrap' } | { readonly kind: 'node'; readonly name: string };

/** The user of a client certificate `system:node:<name>` or of `Authorization: Bearer admin | bootstrap | node:<name>`. Throws 401. */
export function authenticate(authorization: string | undefined, commonName: string | undefined): FakeUser {
  if (commonName?.startsWith('system:node:') === true) return { kind: 'node', name: commonName.slice('system:node:'.length) };
  const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
  if (token === 'admin' || token === 'bootstrap') return { kind: token };
  if (token?.startsWith('node:') === true) return { kind: 'node', name: token.slice('node:'.length) };
  throw new StatusError(401, 'Unauthorized', 'Unauthorized');
}

export interface Attributes {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  readonly target: Target;
  readonly fieldSelector: ReadonlyMap<string, string>;
}

const nodeLabels = /^(kubernetes\.io\/(hostname|os|arch|instance-type)|beta\.kubernetes\.io\/(os|arch|instance-type)|(topology|failure-domain\.beta)\.kubernetes\.io\/(zone|region)|node\.kubernetes\.io\/instance-type)$/;

export function authorize(user: FakeUser, { verb, target, fieldSelector }: Attributes, store: ObjectStore): void {
  if (user.kind === 'admin') return;
  const { resource } = target.kind;
  const path = target.subresource === undefined ? resource : `${resource}/${target.subresource}`;
  const deny = (why: string): never => {
    throw forbidden(`${path} "${target.name ?? ''}" is forbidden: ${why}`);
  };
  if (path === 'certificatesigningrequests' && ['create', 'get', 'list', 'watch'].includes(verb)) return;
  if (user.kind === 'bootstrap') return deny('a bootstrap token may only ask for a certificate');
  const reading = verb === 'get' || verb === 'list' || verb === 'watch';
  const collection = verb === 'list' || verb === 'watch';
  switch (path) {
    case 'services':
    case 'runtimeclasses':
      return reading ? undefined : deny('read only');
    case 'events':
      return reading ? deny('no reading of events') : undefined;
    case 'tokenreviews':
    case 'subjectaccessreviews':
      return;
    case 'nodes':
      if (collection) return fieldSelector.get('metadata.name') === user.name ? undefined : deny('only with fieldSelector metadata.name');
      return verb === 'create' || (verb !== 'delete' && target.name === user.name) ? undefined : deny('another node, or a deletion');
    case 'nodes/status':
    case 'csinodes':
      return verb === 'create' || target.name === user.name ? undefined : deny('another node');
    case 'leases':
      return collection ? deny('no list of leases') : target.namespace === 'kube-node-lease' && (verb === 'create' || target.name === user.name) ? undefined : deny('another lease');
    case 'pods':
      if (collection) return fieldSelector.get('spec.nodeName') === user.name ? undefined : deny('only with fieldSelector spec.nodeName');
      if (verb === 'create') return;
      // The graph knows no pod that is not there.
      if (verb === 'get') return store.get('pods', target.namespace, target.name ?? '') !== undefined && ownPod(store, target, user.name) ? undefined : deny('no relationship found between node and this object');
      if (verb === 'delete') return ownPod(store, target, user.name) ? undefined : deny('a pod of another node');
      return deny('a kubelet writes the status of pods only');
    case 'pods/status':
      return ownPod(store, target, user.name) ? undefined : deny('a pod of another node');
    case 'pods/eviction':
      return;
    case 'configmaps':
    case 'secrets': {
      if (!reading) return deny('read only');
      const name = collection ? fieldSelector.get('metadata.name') : target.name;
      return name !== undefined && isReferenced(store, resource, target.namespace, name, user.name) ? undefined : deny('no relationship found between node and this object');
    }
    case 'serviceaccounts':
      return verb === 'get' ? undefined : deny('read only');
    case 'serviceaccounts/token':
      return verb === 'create' ? undefined : deny('create only');
    default:
      return deny('not for nodes');
  }
}

/** What NodeRestriction says about labels that a kubelet sets. */
export function checkNodeLabels(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): void {
  for (const label of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[label] === after[label]) continue;
    const domain = label.includes('/') ? label.slice(0, label.indexOf('/')) : '';
    const restricted = domain === 'kubernetes.io' || domain.endsWith('.kubernetes.io') || domain === 'k8s.io' || domain.endsWith('.k8s.io');
    if (domain.endsWith('node-restriction.kubernetes.io')) throw forbidden(`is not allowed to modify label ${label}`);
    if (restricted && !nodeLabels.test(label) && !/(^|\.)(kubelet|node)\.kubernetes\.io$/.test(domain)) throw forbidden(`is not allowed to set label ${label}`);
  }
}

function ownPod(store: ObjectStore, { namespace, name }: Target, node: string): boolean {
  const pod = store.get('pods', namespace, name ?? '');
  return pod === undefined || pod['spec']?.nodeName === node;
}

function isReferenced(store: ObjectStore, resource: string, namespace: string | undefined, name: string, node: string): boolean {
  const field = resource === 'configmaps' ? ['configMap', 'configMapRef', 'configMapKeyRef'] : ['secret', 'secretRef', 'secretKeyRef', 'imagePullSecrets'];
  return store.list('pods', namespace).some((pod) => {
    if (pod['spec']?.nodeName !== node) return false;
    let found = false;
    JSON.stringify(pod['spec'], (key, value: unknown) => {
      if (field.includes(key)) {
        for (const item of Array.isArray(value) ? value : [value]) {
          const reference = item as { name?: string; secretName?: string } | null;
          if (reference?.name === name || reference?.secretName === name) found = true;
        }
      }
      return value;
    });
    return found;
  });
}
