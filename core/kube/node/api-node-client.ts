import type { CSINode, Lease, Node, NodeStatus } from '../../api/kubernetes.ts';
import type { ApiClient } from '../api/api-client.ts';
import { isConflict, isNotFound } from '../api/api-error.ts';
import { resourcePath } from '../api/resources.ts';
import type { NodeClient } from '../kube.ts';
import { nodeStatusPatch } from './node-status-patch.ts';

const leases = 'kube-node-lease';
const strategic = 'application/strategic-merge-patch+json';
/** A write of node or lease must fail well before the next one is due, so that a dead connection is left early. */
const heartbeatDeadline = 10_000;

/** This node's own objects. All calls throw ApiError, or the connection's error; none is tried again here. */
export class ApiNodeClient implements NodeClient {
  readonly name: string;
  readonly #api: ApiClient;

  constructor({ api, nodeName }: { api: ApiClient; nodeName: string }) {
    this.#api = api;
    this.name = nodeName;
  }

  get(): Promise<Node | undefined> {
    return this.#get<Node>(resourcePath('nodes', { name: this.name }));
  }

  create(node: Node): Promise<Node> {
    return this.#api.call<Node>({ method: 'POST', path: resourcePath('nodes'), body: node, deadline: heartbeatDeadline });
  }

  /** `observed` itself when nothing differs. */
  async patchStatus(observed: Node, status: NodeStatus): Promise<Node> {
    const patch = nodeStatusPatch(observed.status ?? {}, status);
    if (patch === undefined) return observed;
    const path = resourcePath('nodes', { name: this.name, subresource: 'status' });
    return this.#api.call<Node>({ method: 'PATCH', path, body: { status: patch }, contentType: strategic, deadline: heartbeatDeadline });
  }

  patchMetadata(patch: object): Promise<Node> {
    return this.#api.call<Node>({ method: 'PATCH', path: resourcePath('nodes', { name: this.name }), body: patch, contentType: strategic, deadline: heartbeatDeadline });
  }

  getLease(): Promise<Lease | undefined> {
    return this.#get<Lease>(resourcePath('leases', { namespace: leases, name: this.name }));
  }

  createLease(lease: Lease): Promise<Lease> {
    return this.#api.call<Lease>({ method: 'POST', path: resourcePath('leases', { namespace: leases }), body: lease, deadline: heartbeatDeadline });
  }

  updateLease(lease: Lease): Promise<Lease> {
    return this.#api.call<Lease>({ method: 'PUT', path: resourcePath('leases', { namespace: leases, name: this.name }), body: lease, deadline: heartbeatDeadline });
  }

  /** An existing CSINode is success: it may carry drivers. */
  async ensureCSINode(node: Node): Promise<void> {
    const body: CSINode = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSINode',
      metadata: { name: this.name, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: this.name, uid: node.metadata.uid }] },
      spec: { drivers: [] },
    };
    try {
      await this.#api.call({ method: 'POST', path: resourcePath('csinodes'), body });
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }

  async #get<T>(path: string): Promise<T | undefined> {
    try {
      return await this.#api.call<T>({ method: 'GET', path, deadline: heartbeatDeadline });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
