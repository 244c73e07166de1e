import { Subject, type Observable } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import type { Engine } from '../../api/engine.ts';
import { messageOf } from '../../api/errors.ts';
import type { Pod } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { ObjectReader, PodClient } from '../../kube/kube.ts';
import { isDeleting, stopGraceSeconds } from '../../pod/pod-deletion.ts';
import { advancePodLifecycle, type LifecycleFacts } from '../../pod/pod-lifecycle.ts';
import { isTerminal } from '../../pod/status/pod-phase.ts';
import { allocatedPod } from '../../pod/resize.ts';
import type { PodCleaner } from '../housekeeping/pod-cleaner.ts';
import type { PodEvent, PodSyncer, SyncOutcome } from '../kubelet.ts';
import type { StatusManager } from '../status/status-manager.ts';
import type { AdmittedPods } from './admitted-pods.ts';
import type { PodManager } from './pod-manager.ts';
import { newPodRecord, type PodRecord } from './pod-record.ts';
import type { PodReporter } from './pod-reporter.ts';
import type { PodStopper } from './pod-stopper.ts';
import type { PodVolumes } from './pod-volumes.ts';
import type { RunningPodSyncer } from './running-pod-syncer.ts';

export interface PodWorkersOptions {
  readonly manager: PodManager;
  readonly running: RunningPodSyncer;
  readonly stopper: PodStopper;
  readonly volumes: PodVolumes;
  readonly reporter: PodReporter;
  readonly statuses: StatusManager;
  readonly cleaner: PodCleaner;
  readonly engine: Engine;
  readonly podClient: PodClient;
  readonly objects: ObjectReader;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0–1, spreads the pods' resyncs. */
  readonly random: () => number;
  /** Filled and emptied here. */
  readonly admitted: AdmittedPods;
}

/** Each pod is looked at again after a minute and up to half of one, even if nothing happens. */
const resyncMilliseconds = 60_000;
/** Thousands of pods less often: all looks together are bounded, so that an idle node is one. */
const resyncsPerSecond = 30;
/** They fall on whole multiples of it: several pods at once cost less than one after the other, each with a wake-up and cold caches. */
const resyncGridMilliseconds = 2000;
const failedMilliseconds = 10_000;
const waitForNameMilliseconds = 1000;

/**
 * One worker per pod, by UID, which goes forward only (pod-lifecycle.ts):
 *
 *   syncing ──must end──▶ terminating ──nothing runs──▶ terminated ──no longer desired──▶ finished
 *   start, restart        stop with grace               volumes go, last status,          directories, logs
 *                                                       DELETE when it was asked for      and sandbox go
 *
 * `sync` is called by the pipeline, never twice at once for a pod. Lifecycle and back-offs have no other writer.
 */
export class PodWorkers implements PodSyncer {
  readonly #options: PodWorkersOptions;
  readonly #records = new Map<string, PodRecord>();
  /** UIDs by `<namespace>/<name>` of pods that have been judged and not let go. */
  readonly #names = new Map<string, string>();
  /** UIDs, by the name that another pod still has. */
  readonly #successors = new Map<string, Set<string>>();
  readonly #events$ = new Subject<PodEvent>();
  #stopping = false;

  constructor(options: PodWorkersOptions) {
    this.#options = options;
  }

  /** Pods to be looked at because of what another pod's worker did. */
  get events$(): Observable<PodEvent> {
    return this.#events$;
  }

  /** UIDs that have a worker. */
  has(uid: string): boolean {
    return this.#records.has(uid);
  }

  /** An object that the pod refers to has changed. */
  markStale(uid: string): void {
    const record = this.#records.get(uid);
    if (record === undefined) return;
    record.volumes.stale = true;
    record.volumes.retryAt = undefined;
    for (const [name, provision] of record.provisions) {
      if (provision.kind === 'failed' && provision.failure.reason === 'CreateContainerConfigError') record.provisions.delete(name);
    }
  }

  /** The node ends a pod that runs, for good. False: it ends already, or is unknown. */
  evict(uid: string, message: string): boolean {
    const record = this.#records.get(uid);
    if (record === undefined || this.#stopping || this.#mustEnd(record)) return false;
    record.failure = { reason: 'Evicted', message };
    this.#events$.next({ uid, cause: 'job' });
    return true;
  }

  /** From now on nothing is started, and what ends is only reported: the node stops. */
  stopStarting(): void {
    this.#stopping = true;
  }

  /** Every pod's status as it is now. */
  reportAll(): void {
    for (const record of this.#records.values()) if (!record.removed) this.#options.reporter.report(record);
  }

  async sync(uid: string, signal: AbortSignal): Promise<SyncOutcome> {
    const record = this.#record(uid);
    if (record === undefined) return { kind: 'finished' };
    try {
      const outcome = await this.#step(record, signal);
      if (outcome.kind !== 'finished') return outcome;
      this.#records.delete(uid);
      // The same UID may be wanted again: a file that was removed and put back.
      if (this.#options.manager.get(uid) !== undefined) this.#events$.next({ uid, cause: 'desired' });
      return outcome;
    } catch (error) {
      const { metadata } = record.pod;
      this.#options.logger.error({ uid, pod: metadata.name, namespace: metadata.namespace, error: messageOf(error) }, 'pod sync failed');
      return { kind: 'failed', againAfterMilliseconds: failedMilliseconds };
    }
  }

  #record(uid: string): PodRecord | undefined {
    const desired = this.#options.manager.get(uid);
    const known = this.#records.get(uid);
    if (known !== undefined) {
      if (desired?.incarnation === known.incarnation) this.#update(known, desired.pod);
      else known.removed = true;
      return known;
    }
    if (desired === undefined) return undefined;
    const record = newPodRecord(desired.pod, desired.incarnation);
    // What the engine recovered has been told about before.
    this.#options.reporter.skipTold(record);
    this.#records.set(uid, record);
    return record;
  }

  #update(record: PodRecord, desired: Pod): void {
    const { pod, infeasible } = allocatedPod(desired, record.allocation);
    record.pod = pod;
    record.resizeInfeasible = infeasible;
  }

  async #step(record: PodRecord, signal: AbortSignal): Promise<SyncOutcome> {
    for (;;) {
      const { state } = record;
      const outcome = await this.#syncIn(record, signal);
      record.state = advancePodLifecycle(state, this.#facts(record));
      if (record.state === state) return outcome;
    }
  }

  #facts(record: PodRecord): LifecycleFacts {
    return {
      mustEnd: this.#mustEnd(record),
      anythingRuns: this.#options.stopper.anythingRuns(record),
      gone: record.cleaned,
    };
  }

  #mustEnd(record: PodRecord): boolean {
    const { pod, removed, failure, baseline } = record;
    if (removed || failure !== undefined || isDeleting(pod) || isTerminal(baseline?.phase)) return true;
    return isTerminal(this.#options.statuses.get(record.uid)?.phase);
  }

  #syncIn(record: PodRecord, signal: AbortSignal): Promise<SyncOutcome> | SyncOutcome {
    switch (record.state) {
      case 'syncing':
        return this.#syncPod(record, signal);
      case 'terminating':
        return this.#syncTerminatingPod(record);
      case 'terminated':
        return this.#syncTerminatedPod(record);
      case 'finished':
        return { kind: 'finished' };
    }
  }

  async #syncPod(record: PodRecord, signal: AbortSignal): Promise<SyncOutcome> {
    if (this.#mustEnd(record)) return this.#again();
    if (!record.admitted && this.#nameIsTaken(record)) {
      this.#waitForName(record);
      return { kind: 'retry', againAfterMilliseconds: waitForNameMilliseconds };
    }
    if (this.#stopping) {
      this.#options.reporter.report(record);
      return this.#again();
    }
    this.#names.set(nameOf(record), record.uid);
    return this.#again(await this.#options.running.sync(record, signal));
  }

  /** A new UID under an old name waits until the old pod has let go. */
  #nameIsTaken(record: PodRecord): boolean {
    return (this.#names.get(nameOf(record)) ?? record.uid) !== record.uid;
  }

  #waitForName(record: PodRecord): void {
    const name = nameOf(record);
    const waiting = this.#successors.get(name);
    if (waiting === undefined) this.#successors.set(name, new Set([record.uid]));
    else waiting.add(record.uid);
  }

  #syncTerminatingPod(record: PodRecord): SyncOutcome {
    const { engine, stopper, reporter } = this.#options;
    record.pulls?.abort();
    const grace = stopGraceSeconds(record.pod);
    for (const container of engine.podSandbox(record.uid)?.containers ?? []) {
      if (container.phase !== 'exited') stopper.stop(record, container, grace, `Stopping container ${container.name}`);
    }
    // Nobody waits for the status of a pod that no source wants any more; its UID may even have a second life already.
    if (!record.removed) reporter.report(record);
    return this.#again();
  }

  async #syncTerminatedPod(record: PodRecord): Promise<SyncOutcome> {
    const { reporter, volumes, statuses, podClient, objects, cleaner } = this.#options;
    if (!record.removed) reporter.report(record);
    if (!record.released) {
      await volumes.tearDown(record);
      objects.release(record.uid);
      record.released = true;
      this.#options.admitted.delete(record.uid);
      if (this.#names.get(nameOf(record)) === record.uid) this.#letGo(nameOf(record));
    }
    if (record.removed) {
      await cleaner.clean(record.uid, record.pod.metadata);
      // A sync that ran while the pod went may have set one more.
      statuses.forget(record.uid);
      record.cleaned = true;
      return this.#again();
    }
    if (isDeleting(record.pod) && statuses.isFinalWritten(record.uid)) {
      await podClient.finalize(record.pod);
      // The watch tells when it is gone; should the DELETE have been lost, it is sent again.
      return this.#again(this.#options.clock.now() + failedMilliseconds);
    }
    return this.#again();
  }

  #letGo(name: string): void {
    this.#names.delete(name);
    const waiting = this.#successors.get(name) ?? [];
    this.#successors.delete(name);
    for (const uid of waiting) this.#events$.next({ uid, cause: 'job' });
  }

  #again(at?: number): SyncOutcome {
    const { clock, random } = this.#options;
    const earliest = Math.max(resyncMilliseconds, (this.#records.size / resyncsPerSecond) * 1000) * (1 + random() / 2);
    const now = clock.monotonic();
    const resync = Math.ceil((now + earliest) / resyncGridMilliseconds) * resyncGridMilliseconds - now;
    const wait = at === undefined ? resync : Math.max(0, at - clock.now());
    return { kind: 'ok', againAfterMilliseconds: Math.min(wait, resync) };
  }
}

function nameOf({ pod: { metadata } }: PodRecord): string {
  return `${metadata.namespace}/${metadata.name}`;
}
