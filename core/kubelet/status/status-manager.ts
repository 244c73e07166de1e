import { Subject, type Observable } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { PodSandboxObservation } from '../../api/engine.ts';
import type { Pod, PodStatus } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { PodClient } from '../../kube/kube.ts';
import { isOnTheWay } from '../../pod/status/is-on-the-way.ts';
import { isStaticPod } from '../../pod/static-pod.ts';
import { isTerminal } from '../../pod/status/pod-phase.ts';
import { mergeForeignConditions, sameStatus } from './compare-status.ts';
import { saysRunningAfterEnd } from './stale-status.ts';
import { WriteSlots } from './write-slots.ts';

export interface StatusManagerOptions {
  readonly podClient: PodClient;
  /** What the engine knows now: a status is not written when the pod has already gone on. */
  readonly observe: (uid: string) => PodSandboxObservation | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One pod's status on its way to the API. */
interface StatusEntry {
  /** The newest object that the API showed. */
  pod: Pod;
  status: PodStatus;
  /** Raised with every different status. */
  version: number;
  /** The version that the API has. */
  written: number;
  writing: boolean;
  retryDelay: number;
  cancelRetry?: () => void;
  /** Of a status that waits for a better one. */
  cancelDelay?: (() => void) | undefined;
  /** The API has no pod with this UID any more. */
  gone: boolean;
}

const firstRetryMilliseconds = 500;
/** So long a status that only says "being started" waits for the one that says how it went. */
const onTheWayMilliseconds = 3000;
/** A burst's later statuses wait here, where the newest is taken, rather than on their way. */
const writesAtOnce = 16;
const longestRetryMilliseconds = 10_000;

/**
 * The only writer of pod statuses: versions them, compares, patches. Pods are written in parallel, one pod's statuses one
 * after another, and only the newest (upstream: pkg/kubelet/status). Of a start the API hears its outcome, and that it is under
 * way only when it takes long: a short pod is one write. What fails is tried again until the pod is forgotten.
 */
export class StatusManager {
  readonly #entries = new Map<string, StatusEntry>();
  readonly #finalWritten$ = new Subject<string>();
  readonly #options: StatusManagerOptions;
  readonly #slots = new WriteSlots(writesAtOnce);
  #stopped = false;
  #onFlushed: (() => void) | undefined;

  constructor(options: StatusManagerOptions) {
    this.#options = options;
  }

  /** UIDs of which the terminal status has reached the API, or of which the API has no pod any more. */
  get finalWritten$(): Observable<string> {
    return this.#finalWritten$;
  }

  /** The status that was set last. */
  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.status;
  }

  /** Takes the newest status; writes it soon if it differs. Called by the pod's worker only. */
  set(pod: Pod, status: PodStatus): void {
    const entry = this.#entries.get(pod.metadata.uid);
    if (entry === undefined) {
      this.#entries.set(pod.metadata.uid, {
        pod, status, version: 1, written: 0, writing: false, retryDelay: firstRetryMilliseconds, gone: false,
      });
    } else if (sameStatus(entry.status, status)) {
      return;
    } else {
      entry.status = status;
      entry.version += 1;
    }
    this.#writeInTime(pod.metadata.uid);
  }

  /** The API shows this object: somebody else may have changed its status, which is then put right. */
  observed(pod: Pod): void {
    const entry = this.#entries.get(pod.metadata.uid);
    if (entry === undefined || isOlder(pod, entry.pod)) return;
    // The watch brings our own write back: its answer is here already.
    const known = pod.metadata.resourceVersion !== undefined && pod.metadata.resourceVersion === entry.pod.metadata.resourceVersion;
    entry.pod = pod;
    if (known) return;
    if (entry.written === entry.version && !sameStatus(pod.status, mergeForeignConditions(entry.status, pod))) {
      entry.written = entry.version - 1;
      this.#write(pod.metadata.uid);
    }
  }

  /** Whether the API shows the newest status and it is terminal: only then may the pod's object be deleted. */
  isFinalWritten(uid: string): boolean {
    const entry = this.#entries.get(uid);
    return entry !== undefined && (entry.gone || (entry.written === entry.version && isTerminal(entry.status.phase)));
  }

  /** The pod is no longer of this node. */
  forget(uid: string): void {
    this.#entries.get(uid)?.cancelRetry?.();
    this.#entries.get(uid)?.cancelDelay?.();
    this.#entries.delete(uid);
  }

  /** Resolves when every status has been written or the deadline has passed; afterwards nothing is written. */
  async stop(deadlineMilliseconds: number): Promise<void> {
    const flushed = new AbortController();
    this.#onFlushed = () => flushed.abort();
    for (const [uid, { cancelDelay }] of this.#entries) if (cancelDelay !== undefined) this.#write(uid);
    this.#tellFlushed();
    await this.#options.clock.sleep(deadlineMilliseconds, flushed.signal);
    this.#stopped = true;
    for (const entry of this.#entries.values()) entry.cancelRetry?.();
  }

  #tellFlushed(): void {
    if (this.#onFlushed === undefined) return;
    const entries = [...this.#entries.values()];
    if (entries.every((entry) => entry.gone || entry.written === entry.version)) this.#onFlushed();
  }

  #writeInTime(uid: string): void {
    const entry = this.#entries.get(uid);
    const patient = entry !== undefined && entry.written === 0 && this.#onFlushed === undefined && !isStaticPod(entry.pod) && isOnTheWay(entry.status);
    if (!patient) this.#write(uid);
    else entry.cancelDelay ??= this.#options.clock.after(onTheWayMilliseconds, () => this.#write(uid));
  }

  #write(uid: string): void {
    const entry = this.#entries.get(uid);
    entry?.cancelDelay?.();
    if (entry !== undefined) entry.cancelDelay = undefined;
    if (entry === undefined || entry.writing || this.#stopped) return;
    if (isStaticPod(entry.pod)) {
      entry.written = entry.version;
      this.#tellFinal(uid);
      return;
    }
    entry.cancelRetry?.();
    entry.writing = true;
    void this.#writeLoop(uid, entry);
  }

  #tellFinal(uid: string): void {
    if (this.isFinalWritten(uid)) this.#finalWritten$.next(uid);
  }

  async #writeLoop(uid: string, entry: StatusEntry): Promise<void> {
    const { podClient, logger } = this.#options;
    const turn = this.#slots.take();
    if (turn !== undefined) await turn;
    try {
      while (entry.written < entry.version && !entry.gone && !this.#stopped && this.#entries.get(uid) === entry) {
        const { version, status } = entry;
        // The guest has ended since: its worker has the event, and a newer status follows.
        if (saysRunningAfterEnd(status, this.#options.observe(uid))) return;
        const result = await podClient.patchStatus(entry.pod, mergeForeignConditions(status, entry.pod));
        if (result.outcome === 'gone') entry.gone = true;
        if (result.outcome === 'written' && !isOlder(result.pod, entry.pod)) entry.pod = result.pod;
        entry.written = Math.max(entry.written, version);
        entry.retryDelay = firstRetryMilliseconds;
      }
      this.#tellFinal(uid);
    } catch (error) {
      logger.warn({ uid, pod: entry.pod.metadata.name, namespace: entry.pod.metadata.namespace, error: messageOf(error) }, 'pod status was not written');
      this.#retry(uid, entry);
    } finally {
      entry.writing = false;
      this.#slots.give();
      this.#tellFlushed();
    }
  }

  #retry(uid: string, entry: StatusEntry): void {
    if (this.#stopped || this.#entries.get(uid) !== entry) return;
    const delay = entry.retryDelay;
    entry.retryDelay = Math.min(delay * 2, longestRetryMilliseconds);
    entry.cancelRetry = this.#options.clock.after(delay, () => void this.#refresh(uid, entry));
  }

  /** Before another try the object is read anew: the diff must be against what the API has. */
  async #refresh(uid: string, entry: StatusEntry): Promise<void> {
    try {
      const { metadata } = entry.pod;
      const pod = await this.#options.podClient.get(metadata.namespace, metadata.name);
      if (pod === undefined || pod.metadata.uid !== uid) entry.gone = true;
      else if (!isOlder(pod, entry.pod)) entry.pod = pod;
    } catch (error) {
      this.#options.logger.debug({ uid, error: messageOf(error) }, 'pod was not read');
      this.#retry(uid, entry);
      return;
    }
    if (entry.gone) this.#tellFinal(uid);
    else this.#write(uid);
  }
}

/** Resource versions grow (KEP-5504); a watch may still deliver an object that a write's answer has overtaken. */
function isOlder(pod: Pod, than: Pod): boolean {
  const [left, right] = [pod.metadata.resourceVersion, than.metadata.resourceVersion].map((text) => (/^\d+$/.test(text ?? '') ? BigInt(text!) : undefined));
  return left !== undefined && right !== undefined && left < right;
}
