import type { Clock } from '../../api/clock.ts';
import { WasmletError, messageOf } from '../../api/errors.ts';
import type { Image } from '../../api/image.ts';
import type { Container } from '../../api/kubernetes.ts';
import type { ObjectReader } from '../../kube/kube.ts';
import type { PullAction, StartAction } from '../../pod/actions/compute-pod-actions.ts';
import { backoffUntil, raiseBackoff } from '../../pod/actions/restart-backoff.ts';
import { readContainerInputs } from './container-inputs.ts';
import type { StartFailure } from './container-starter.ts';
import type { ImagePuller, PullResult } from './image-puller.ts';
import type { PodEventTeller } from '../pods/pod-event-teller.ts';
import type { PodRecord } from '../pods/pod-record.ts';

export interface ContainerProvisionerOptions {
  readonly puller: ImagePuller;
  readonly objects: ObjectReader;
  readonly events: PodEventTeller;
  readonly clock: Clock;
  /** A job of this pod has ended. */
  readonly ended: (uid: string) => void;
}

const retryMilliseconds = 10_000;
/** What only a change can mend is looked at as often as every pod is. */
const terminalRetryMilliseconds = 60_000;

/** Brings what an attempt needs, the image and the objects that its configuration names, as jobs: a sync waits for neither. */
export class ContainerProvisioner {
  readonly #options: ContainerProvisionerOptions;

  constructor(options: ContainerProvisionerOptions) {
    this.#options = options;
  }

  /** Begins a job whose end wakes the pod; its result stands in the record's `provisions` and `inputs`. */
  provide(record: PodRecord, container: Container, action: PullAction): void {
    const { name, attempt, hash } = action;
    const before = record.provisions.get(name);
    // What failed after the pull needs no other pull.
    const image = before?.kind === 'failed' && before.hash === hash && before.attempt === attempt ? before.image : undefined;
    record.provisions.set(name, { kind: 'pending', hash, attempt });
    record.pulls ??= new AbortController();
    void this.#bring(record, container, action, image, record.pulls.signal).finally(() => {
      if (![...record.provisions.values()].some(({ kind }) => kind === 'pending')) record.pulls = undefined;
      this.#options.ended(record.uid);
    });
  }

  /** The attempt could not be configured, created or started. Told when it is news. Answers when it is tried again. */
  fail(record: PodRecord, { name, attempt, hash }: Pick<StartAction, 'name' | 'attempt' | 'hash'>, { reason, message, retry, image }: StartFailure & { image?: Image }): number {
    const { clock, events } = this.#options;
    const failedAt = clock.now();
    const retryAt = failedAt + (retry === 'backoff' ? retryMilliseconds : terminalRetryMilliseconds);
    const failure = { reason, message };
    record.provisions.set(name, { kind: 'failed', hash, attempt, failure, failedAt, retryAt, ...(image && { image }) });
    const before = record.waiting.get(name);
    record.waiting.set(name, failure);
    if (before?.reason !== reason || before.message !== message) events.container(record.pod, name, 'Warning', 'Failed', `Error: ${message}`);
    return retryAt;
  }

  async #bring(record: PodRecord, container: Container, action: PullAction, present: Image | undefined, signal: AbortSignal): Promise<void> {
    const { puller, objects } = this.#options;
    const { name, attempt, hash } = action;
    let image = present;
    try {
      if (image === undefined) {
        const result = await puller.ensure(record.pod, container, action, signal);
        if (result.kind === 'failed') {
          this.#failPull(record, action, result);
          return;
        }
        image = result.image;
        record.imageBackoffs.delete(action.image);
      }
      record.inputs.set(name, await readContainerInputs(objects, record.pod, container));
      record.provisions.set(name, { kind: 'ready', hash, attempt, image });
    } catch (error) {
      if (signal.aborted) return;
      const known = error instanceof WasmletError ? error : undefined;
      const reason = known?.reason ?? 'CreateContainerConfigError';
      this.fail(record, action, { reason, message: messageOf(error), retry: known?.retry ?? 'backoff', ...(image && { image }) });
    }
  }

  #failPull(record: PodRecord, { name, attempt, hash, image }: PullAction, { failure, again }: Extract<PullResult, { kind: 'failed' }>): void {
    const failedAt = this.#options.clock.now();
    const entry = raiseBackoff(record.imageBackoffs.get(image), failedAt, failedAt);
    const retryAt = again ? backoffUntil(entry, failedAt) : undefined;
    record.imageBackoffs.set(image, entry);
    record.provisions.set(name, { kind: 'failed', hash, attempt, failure, failedAt, ...(retryAt !== undefined && { retryAt }) });
  }
}
