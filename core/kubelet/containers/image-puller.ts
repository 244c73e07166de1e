import { WasmletError, messageOf } from '../../api/errors.ts';
import type { Image, ImageService, PulledImage, RegistryCredentials } from '../../api/image.ts';
import type { Container, Pod } from '../../api/kubernetes.ts';
import type { ObjectReader } from '../../kube/kube.ts';
import type { PullAction } from '../../pod/actions/compute-pod-actions.ts';
import type { WaitingReason } from '../../pod/actions/decide-containers.ts';
import { goDuration } from '../../pod/go-duration.ts';
import { pullSecretCredentials } from '../../pod/pull-secret.ts';
import type { PodEventTeller } from '../pods/pod-event-teller.ts';

export interface ImagePullerOptions {
  readonly images: ImageService;
  readonly objects: ObjectReader;
  readonly events: PodEventTeller;
}

export type PullResult =
  | { readonly kind: 'found'; readonly image: Image }
  /** `again`: worth another try by itself. */
  | { readonly kind: 'failed'; readonly failure: Required<WaitingReason>; readonly again: boolean };

/** Brings a container's image to this node, by its pull policy (upstream: pkg/kubelet/images/image_manager.go). */
export class ImagePuller {
  readonly #options: ImagePullerOptions;

  constructor(options: ImagePullerOptions) {
    this.#options = options;
  }

  /** Tells the events of a pull. Throws only when `signal` aborts. */
  async ensure(pod: Pod, container: Container, action: PullAction, signal: AbortSignal): Promise<PullResult> {
    const { images, events } = this.#options;
    const { name } = container;
    const { image: reference, policy } = action;
    try {
      const present = policy === 'Always' ? undefined : await images.find(reference);
      if (present !== undefined) {
        events.container(pod, name, 'Normal', 'Pulled', `Container image "${reference}" already present on machine and can be accessed by the pod`);
        return { kind: 'found', image: present };
      }
      if (policy === 'Never') {
        const message = `Container image "${reference}" is not present with pull policy of Never`;
        events.container(pod, name, 'Warning', 'ErrImageNeverPull', message);
        throw new WasmletError('IMAGE_NEVER_PULL', message);
      }
      events.container(pod, name, 'Normal', 'Pulling', `Pulling image "${reference}"`);
      const pulled = await images.pull({ reference, credentials: await this.#credentials(pod) }, signal);
      events.container(pod, name, 'Normal', 'Pulled', pulledMessage(reference, pulled));
      return { kind: 'found', image: pulled.image };
    } catch (error) {
      signal.throwIfAborted();
      return this.#failed(pod, name, reference, error);
    }
  }

  #failed(pod: Pod, container: string, reference: string, error: unknown): PullResult {
    const { events } = this.#options;
    const known = error instanceof WasmletError ? error : undefined;
    const reason = known?.reason ?? 'ErrImagePull';
    const message = messageOf(error);
    if (known?.code === 'IMAGE_NAME_INVALID') {
      events.container(pod, container, 'Warning', 'InspectFailed', `Failed to apply default image tag "${reference}": ${message}`);
    } else if (known?.code !== 'IMAGE_NEVER_PULL') {
      events.container(pod, container, 'Warning', 'Failed', `Failed to pull image "${reference}": ${message}`);
    }
    events.container(pod, container, 'Warning', 'Failed', `Error: ${reason}`);
    return { kind: 'failed', failure: { reason, message }, again: known === undefined || known.retry === 'backoff' };
  }

  async #credentials(pod: Pod): Promise<readonly RegistryCredentials[]> {
    const { objects, events } = this.#options;
    const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
    const secrets = await Promise.all(names.map((name) => objects.secret(pod.metadata.namespace, name)));
    const missing = names.filter((_, index) => secrets[index] === undefined);
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
      events.pod(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
    }
    return secrets.flatMap((secret) => (secret ? pullSecretCredentials(secret) : []));
  }
}

function pulledMessage(reference: string, { image, pullMilliseconds, totalMilliseconds }: PulledImage): string {
  const times = `${goDuration(pullMilliseconds)} (${goDuration(totalMilliseconds)} including waiting)`;
  return `Successfully pulled image "${reference}" in ${times}. Image size: ${image.sizeBytes} bytes.`;
}
