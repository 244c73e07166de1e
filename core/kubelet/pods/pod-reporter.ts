import type { Clock } from '../../api/clock.ts';
import type { ContainerObservation, Engine } from '../../api/engine.ts';
import { containerHistories, type ContainerHistory } from '../../pod/actions/container-history.ts';
import type { PodAddresses } from '../../pod/environment/field-reference.ts';
import { generatePodStatus, rejectedPodStatus } from '../../pod/status/generate-pod-status.ts';
import { isTerminal } from '../../pod/status/pod-phase.ts';
import { infeasibleMessage } from '../../pod/resize.ts';
import type { StatusManager } from '../status/status-manager.ts';
import type { PodEventTeller } from './pod-event-teller.ts';
import type { PodRecord } from './pod-record.ts';

export interface PodReporterOptions {
  readonly engine: Engine;
  readonly statuses: StatusManager;
  readonly events: PodEventTeller;
  readonly clock: Clock;
  readonly addresses: () => PodAddresses;
}

/** Turns what is known of a pod into its status, and what became of its attempts into events. */
export class PodReporter {
  readonly #options: PodReporterOptions;

  constructor(options: PodReporterOptions) {
    this.#options = options;
  }

  histories(record: PodRecord): readonly ContainerHistory[] {
    return containerHistories(record.pod, this.#options.engine.podSandbox(record.uid), record.baseline, record.replaced);
  }

  report(record: PodRecord): void {
    const { engine, statuses, clock, addresses } = this.#options;
    const { pod, uid, failure, baseline } = record;
    if (baseline !== undefined && isTerminal(baseline.phase)) {
      // It was over before this process began: what others and we wrote then stands.
      statuses.set(pod, pod.status ?? baseline);
      return;
    }
    if (record.rejected && failure) {
      statuses.set(pod, rejectedPodStatus(pod, failure, clock.now()));
      return;
    }
    const sandbox = engine.podSandbox(uid);
    for (const container of sandbox?.containers ?? []) this.#tell(record, container);
    this.#tellResize(record);
    const status = generatePodStatus({
      pod,
      last: statuses.get(uid),
      histories: this.histories(record),
      waiting: record.waiting,
      state: record.state,
      ...(failure && { failure }),
      resizeInfeasible: record.resizeInfeasible,
      hasSandbox: sandbox !== undefined,
      readyToStart: sandbox !== undefined && record.volumes.ready,
      ...addresses(),
      now: clock.now(),
    });
    statuses.set(pod, status);
  }

  /** What the engine knows already at first sight was told by an earlier process. */
  skipTold(record: PodRecord): void {
    for (const { id, phase } of this.#options.engine.podSandbox(record.uid)?.containers ?? []) {
      if (phase !== 'created') record.told.add(`Started ${id}`);
    }
  }

  #tellResize(record: PodRecord): void {
    const told = `ResizeInfeasible ${record.pod.metadata.generation ?? ''}`;
    if (!record.resizeInfeasible || record.told.has(told)) return;
    record.told.add(told);
    this.#options.events.pod(record.pod, 'Warning', 'ResizeInfeasible', `Pod resize Infeasible: ${infeasibleMessage}`);
  }

  #tell(record: PodRecord, { id, name, phase, exit }: ContainerObservation): void {
    if (phase === 'created' || record.told.has(`Started ${id}`)) return;
    record.told.add(`Started ${id}`);
    if (exit?.reason === 'StartError') {
      this.#options.events.container(record.pod, name, 'Warning', 'Failed', `Error: ${exit.message ?? exit.reason}`);
    } else {
      this.#options.events.container(record.pod, name, 'Normal', 'Started', 'Container started');
    }
  }
}
