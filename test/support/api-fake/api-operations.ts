/** The verbs, after authorisation: what a write means for each kind. */
import { randomBytes } from 'node:crypto';
import type { AnyJson } from './any-json.ts';
import { applyMergePatch, applyStrategicMerge } from './apply-strategic-merge.ts';
import { checkNodeLabels } from './authorize.ts';
import type { FakeUser } from './authorize.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import type { Target } from './resources.ts';
import { StatusError, badRequest, conflict, immutableField, invalid, notFound } from './status-error.ts';
import { canonicalStatus, truncateTimes, validate } from './validate.ts';

type Body = Record<string, AnyJson>;

/** The reviews and tokens that a test wants answered otherwise. */
export interface Answers {
  tokenReview(token: string): { authenticated: boolean; user?: { username: string; uid?: string; groups?: string[] } };
  subjectAccessReview(spec: Body): { allowed: boolean; reason?: string };
}

export class ApiOperations {
  readonly #store: ObjectStore;
  readonly answers: Answers = {
    tokenReview: () => ({ authenticated: false }),
    subjectAccessReview: () => ({ allowed: false }),
  };

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  create(target: Target, body: Body, user: FakeUser): StoredObject | Body {
    const { kind, namespace, subresource } = target;
    if (kind.resource === 'serviceaccounts' && subresource === 'token') return this.#token(target, body, user);
    if (subresource !== undefined || target.name !== undefined) throw new StatusError(405, 'MethodNotAllowed', 'POST is for collections');
    if (body['kind'] !== kind.kind || body['apiVersion'] !== kind.apiVersion) throw badRequest(`the object is a ${String(body['apiVersion'])} ${String(body['kind'])}, the path takes a ${kind.apiVersion} ${kind.kind}`);
    if (kind.resource === 'tokenreviews') return { ...body, status: this.answers.tokenReview(body['spec']?.token as string) };
    if (kind.resource === 'subjectaccessreviews') return { ...body, status: this.answers.subjectAccessReview(body['spec'] as Body) };
    const object = structuredClone(body) as StoredObject;
    object.metadata ??= {} as StoredObject['metadata'];
    if (object.metadata.uid || object.metadata.resourceVersion) throw badRequest('resourceVersion and uid should not be set on objects to be created');
    const generateName = object.metadata['generateName'];
    if (!object.metadata.name && typeof generateName === 'string') object.metadata.name = generateName + randomBytes(3).toString('hex').slice(0, 5);
    if (!object.metadata.name) throw invalid('metadata.name: name or generateName is required');
    if (kind.namespaced) {
      if (object.metadata.namespace !== undefined && object.metadata.namespace !== namespace) throw badRequest('the namespace of the object does not match the namespace on the request');
      object.metadata.namespace = namespace;
    }
    if (kind.resource === 'nodes') prepareNode(object, user);
    if (kind.resource === 'pods') preparePod(object, user);
    if (kind.resource === 'certificatesigningrequests') object['status'] = {};
    const created = canonicalStatus(truncateTimes(object));
    validate(kind.resource, undefined, created);
    return this.#store.create(kind.resource, created);
  }

  replace(target: Target, body: Body): StoredObject {
    const { kind, namespace, name } = target;
    const before = this.#existing(target);
    const object = structuredClone(body) as StoredObject;
    if (object.metadata?.name !== name || (object.metadata.namespace ?? namespace) !== namespace) throw badRequest('the name of the object does not match the name on the URL');
    if (kind.resource === 'leases' && !object.metadata.resourceVersion) throw invalid('metadata.resourceVersion: must be specified for an update');
    return this.#store.update(kind.resource, this.#checked(target, before, object));
  }

  patch(target: Target, contentType: string, patch: unknown, user: FakeUser): StoredObject {
    const before = this.#existing(target);
    const type = contentType.split(';')[0]!.trim();
    let after: StoredObject;
    if (type === 'application/strategic-merge-patch+json') after = applyStrategicMerge(target.kind.kind, before, patch) as StoredObject;
    else if (type === 'application/merge-patch+json') after = applyMergePatch(before, patch) as StoredObject;
    else throw new StatusError(415, 'UnsupportedMediaType', `the body of the request was in an unknown format: ${type}`);
    if (after.metadata.uid !== before.metadata.uid) throw immutableField('metadata.uid');
    if (user.kind === 'node' && target.kind.resource === 'nodes') {
      checkNodeLabels(before.metadata.labels ?? {}, after.metadata.labels ?? {});
      if (JSON.stringify(before['spec']?.taints) !== JSON.stringify(after['spec']?.taints)) throw new StatusError(403, 'Forbidden', 'is not allowed to modify taints');
    }
    return this.#store.update(target.kind.resource, this.#checked(target, before, after));
  }

  delete(target: Target, options: Body): StoredObject | Body {
    const { kind, namespace, name = '' } = target;
    const before = this.#existing(target);
    const { uid, resourceVersion } = (options['preconditions'] ?? {}) as { uid?: string; resourceVersion?: string };
    if (uid !== undefined && uid !== before.metadata.uid) throw conflict(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`);
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) throw conflict('Precondition failed: resourceVersion');
    if (kind.resource !== 'pods') return this.#store.remove(kind.resource, namespace, name);
    const asked = options['gracePeriodSeconds'] as number | undefined;
    const terminal = ['Succeeded', 'Failed'].includes(before['status']?.phase as string);
    const grace = asked ?? (before['spec'].terminationGracePeriodSeconds as number | undefined) ?? 30;
    if (grace === 0 || terminal || !before['spec'].nodeName) return this.#store.remove('pods', namespace, name);
    // A second request may only shorten the grace.
    if (before.metadata.deletionTimestamp !== undefined && grace >= (before.metadata.deletionGracePeriodSeconds ?? 0)) return before;
    const deletionTimestamp = new Date(Date.now() + grace * 1000).toISOString().replace(/\.\d+Z/, 'Z');
    return this.#store.update('pods', { ...before, metadata: { ...before.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace, generation: (before.metadata.generation ?? 1) + 1 } });
  }

  #existing({ kind, namespace, name }: Target): StoredObject {
    const object = this.#store.get(kind.resource, namespace, name ?? '');
    if (object === undefined) throw notFound(`${kind.resource} "${name}"`);
    return object;
  }

  /** A subresource writes its own part only, the resource everything but the status. */
  #checked({ kind, subresource }: Target, before: StoredObject, wanted: StoredObject): StoredObject {
    let after = truncateTimes(wanted);
    if (subresource === 'status') after = { ...before, metadata: { ...before.metadata, resourceVersion: wanted.metadata.resourceVersion, uid: wanted.metadata.uid }, status: after['status'] };
    else if (subresource !== undefined) throw notFound(`subresource ${subresource}`);
    else if (['pods', 'nodes', 'certificatesigningrequests'].includes(kind.resource)) {
      after = { ...after, status: before['status'] };
      if (kind.resource === 'pods' && JSON.stringify(after['spec']) !== JSON.stringify(before['spec'])) after.metadata = { ...after.metadata, generation: (before.metadata.generation ?? 1) + 1 };
    }
    validate(kind.resource, before, after);
    return canonicalStatus(after);
  }

  #token({ namespace, name }: Target, body: Body, user: FakeUser): Body {
    const spec = (body['spec'] ?? {}) as { audiences?: string[]; expirationSeconds?: number; boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } };
    const bound = spec.boundObjectRef;
    const seconds = spec.expirationSeconds ?? 3600;
    if (seconds < 600) throw invalid('spec.expirationSeconds: may not specify a duration less than 10 minutes');
    if (user.kind === 'node') {
      if (bound?.kind !== 'Pod' || bound.apiVersion !== 'v1') throw new StatusError(403, 'Forbidden', 'node requested token not bound to a pod');
      const pod = this.#store.get('pods', namespace, bound.name ?? '');
      if (pod?.['spec']?.nodeName !== user.name) throw new StatusError(403, 'Forbidden', 'node requested token bound to a pod scheduled on a different node');
      if (pod.metadata.uid !== bound.uid) throw conflict('the UID in the bound object reference does not match the UID in record');
      if ((pod['spec'].serviceAccountName ?? 'default') !== name) throw new StatusError(403, 'Forbidden', 'node requested token for another service account');
      if ((spec.audiences ?? []).length > 1) throw new StatusError(403, 'Forbidden', 'node may only request 0 or 1 audiences');
    }
    const expirationTimestamp = new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z/, 'Z');
    const token = `token.${namespace}.${name}.${(spec.audiences ?? []).join('+')}.${randomBytes(6).toString('hex')}`;
    return { ...body, status: { token, expirationTimestamp } };
  }
}

function prepareNode(node: StoredObject, user: FakeUser): void {
  if (user.kind === 'node') {
    if (node.metadata.name !== user.name) throw new StatusError(403, 'Forbidden', `node "${user.name}" is not allowed to create node "${node.metadata.name}"`);
    checkNodeLabels({}, node.metadata.labels ?? {});
  }
  const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
  const taints = (node['spec']?.taints ?? []) as object[];
  node['spec'] = { ...node['spec'], taints: [...taints, notReady] };
}

function preparePod(pod: StoredObject, user: FakeUser): void {
  if (user.kind === 'node' && (pod.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined || pod['spec']?.nodeName !== user.name)) {
    throw new StatusError(403, 'Forbidden', 'a node may create mirror pods of its own only');
  }
  pod.metadata.generation = 1;
  pod['spec'] = { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, serviceAccountName: 'default', enableServiceLinks: true, ...pod['spec'] };
  pod['status'] = { phase: 'Pending', qosClass: 'BestEffort', ...pod['status'] };
}
