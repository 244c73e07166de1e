import type { Pod } from '../../api/kubernetes.ts';
import { noContainers, placedContainers, type PlacedContainers } from '../../pod/admission/placed-containers.ts';
import type { PlacedPods } from '../../pod/admission/placed-pods.ts';
import { podRequests } from '../../pod/admission/pod-requests.ts';
import type { RuntimeHandlers } from '../../pod/select-runtime.ts';
import type { PodOffer } from '../kubelet.ts';

/**
 * The pods that hold this node's resources, ports and places, with their sums kept: admission asks once for each pod, and
 * may not count thousands each time. Written by the pods' workers.
 */
export class AdmittedPods implements PlacedPods {
  readonly #handlers: RuntimeHandlers;
  readonly #pods: Pod[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #offer: Pick<PodOffer, 'changed'>;
  readonly #requests = new Map<string, bigint>();
  #containers = noContainers;

  constructor(handlers: RuntimeHandlers, offer: Pick<PodOffer, 'changed'>) {
    this.#handlers = handlers;
    this.#offer = offer;
  }

  /** In no order, and as they are now: not to be kept. */
  get list(): readonly Pod[] {
    return this.#pods;
  }

  get requests(): ReadonlyMap<string, bigint> {
    return this.#requests;
  }

  get containers(): PlacedContainers {
    return this.#containers;
  }

  /** The pod is here, or has changed. */
  set(pod: Pod): void {
    const index = this.#indexes.get(pod.metadata.uid);
    if (index === undefined) this.#indexes.set(pod.metadata.uid, this.#pods.push(pod) - 1);
    else if (this.#pods[index] === pod) return;
    else {
      this.#count(this.#pods[index]!, -1);
      this.#pods[index] = pod;
    }
    this.#count(pod, 1);
  }

  delete(uid: string): void {
    const index = this.#indexes.get(uid);
    if (index === undefined) return;
    this.#count(this.#pods[index]!, -1);
    this.#indexes.delete(uid);
    const last = this.#pods.pop()!;
    if (index === this.#pods.length) return;
    this.#pods[index] = last;
    this.#indexes.set(last.metadata.uid, index);
  }

  #count(pod: Pod, sign: 1 | -1): void {
    for (const [name, amount] of podRequests(pod)) this.#requests.set(name, (this.#requests.get(name) ?? 0n) + BigInt(sign) * amount);
    const { dedicated, shared } = placedContainers(pod, this.#handlers);
    this.#containers = { dedicated: this.#containers.dedicated + sign * dedicated, shared: this.#containers.shared + sign * shared };
    // A pod of one dedicated container takes the place that was offered for it.
    if (dedicated !== 1) this.#offer.changed(dedicated * sign > 1 ? 'fewer' : 'more');
  }
}
