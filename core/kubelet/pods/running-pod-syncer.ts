import { join } from 'node:path';
import type { Clock } from '../../api/clock.ts';
import type { Engine } from '../../api/engine.ts';
import { messageOf } from '../../api/errors.ts';
import type { Container, Node, Pod } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { ObjectReader } from '../../kube/kube.ts';
import { admitPod } from '../../pod/admission/admit-pod.ts';
import { checkRoom, outOfPods, type Room } from '../../pod/admission/check-room.ts';
import { explainUnheededFields } from '../../pod/admission/explain-unheeded-fields.ts';
import { computePodActions, isIdle, type PodActions, type StartAction, type WaitAction } from '../../pod/actions/compute-pod-actions.ts';
import type { ContainerHistory } from '../../pod/actions/container-history.ts';
import { findPodProblems, type PodProblems } from '../../pod/admission/find-pod-problems.ts';
import { explainUnservedPorts } from '../../pod/container-ports.ts';
import { stopGraceSeconds } from '../../pod/pod-deletion.ts';
import { isStaticPod } from '../../pod/static-pod.ts';
import { defaultBackoff } from '../../pod/actions/restart-backoff.ts';
import type { PodOffer } from '../kubelet.ts';
import type { StatusManager } from '../status/status-manager.ts';
import type { ContainerProvisioner } from '../containers/container-provisioner.ts';
import type { ContainerStarter } from '../containers/container-starter.ts';
import type { AdmittedPods } from './admitted-pods.ts';
import type { PodEventTeller } from './pod-event-teller.ts';
import { podLabel, type PodRecord } from './pod-record.ts';
import type { PodReporter } from './pod-reporter.ts';
import type { PodStopper } from './pod-stopper.ts';
import type { PodVolumes } from './pod-volumes.ts';

export interface RunningPodSyncerOptions {
  readonly engine: Engine;
  readonly objects: ObjectReader;
  readonly provisioner: ContainerProvisioner;
  readonly starter: ContainerStarter;
  readonly stopper: PodStopper;
  readonly volumes: PodVolumes;
  readonly reporter: PodReporter;
  readonly statuses: StatusManager;
  readonly events: PodEventTeller;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This node as it is now. */
  readonly node: () => Node;
  readonly admitted: AdmittedPods;
  readonly room: Room;
  readonly offer: Pick<PodOffer, 'told'>;
  /** `<root-dir>/pods` */
  readonly podsDirectory: string;
}

/** Brings one pod that should run from what is to what its spec says. All state is the record's; called by its worker only. */
export class RunningPodSyncer {
  readonly #options: RunningPodSyncerOptions;

  constructor(options: RunningPodSyncerOptions) {
    this.#options = options;
  }

  /**
   * Answers when to look again although nothing happened, in
   * milliseconds since the epoch. After `signal` has aborted nothing more is started.
   */
  async sync(record: PodRecord, signal: AbortSignal): Promise<number | undefined> {
    const { reporter, volumes, objects, offer } = this.#options;
    this.#admit(record);
    const deadline = record.failure ? undefined : this.#meetDeadline(record);
    if (record.failure) {
      // A controller makes another pod for one that is seen to have failed, and the scheduler must not send it here.
      if (record.failure.reason === outOfPods) await offer.told();
      reporter.report(record);
      return undefined;
    }
    if (!isStaticPod(record.pod)) objects.retain(record.pod);
    const problems = findPodProblems(record.pod);
    const volumesAt = problems.pod ? undefined : volumes.keep(record);
    // What volumes ask the API server for is on its way before the rest, which costs a millisecond, is done.
    if (record.volumes.job !== undefined) await endOfTurn();
    const wakeAt = await this.#act(record, problems, signal);
    reporter.report(record);
    return earliest(deadline, volumesAt, wakeAt);
  }

  #admit(record: PodRecord): void {
    const { admitted, room, events } = this.#options;
    if (record.rejected) return;
    const { pod } = record;
    const rejection = record.admitted ? undefined : (admitPod(pod, this.#options.node(), admitted) ?? checkRoom(pod, admitted.containers, room));
    if (!record.admitted && rejection === undefined) this.#warn(pod);
    record.admitted = true;
    if (rejection === undefined) return admitted.set(pod);
    record.rejected = true;
    record.failure = rejection;
    events.pod(record.pod, 'Warning', rejection.reason, rejection.message);
  }

  /** Of what the pod asks for and gets nothing for; it is no reason against it. */
  #warn(pod: Pod): void {
    const { events } = this.#options;
    const unserved = explainUnservedPorts(pod);
    if (unserved !== undefined) events.pod(pod, 'Warning', 'PortsNotServed', unserved);
    const unheeded = explainUnheededFields(pod);
    if (unheeded !== undefined) events.pod(pod, 'Warning', 'FieldsWithoutEffect', unheeded);
  }

  /** `activeDeadlineSeconds` counts from the status' startTime. */
  #meetDeadline(record: PodRecord): number | undefined {
    const { statuses, clock, events } = this.#options;
    const { pod } = record;
    const seconds = pod.spec.activeDeadlineSeconds;
    if (typeof seconds !== 'number') return undefined;
    const startTime = Date.parse(statuses.get(record.uid)?.startTime ?? pod.status?.startTime ?? '');
    const deadline = (Number.isNaN(startTime) ? clock.now() : startTime) + seconds * 1000;
    if (clock.now() < deadline) return deadline;
    const message = 'Pod was active on the node longer than the specified deadline';
    record.failure = { reason: 'DeadlineExceeded', message };
    events.pod(pod, 'Normal', 'DeadlineExceeded', message);
    return undefined;
  }

  async #act(record: PodRecord, problems: PodProblems, signal: AbortSignal): Promise<number | undefined> {
    const { engine, reporter, clock, logger } = this.#options;
    const { pod, uid } = record;
    const sandbox = engine.podSandbox(uid);
    const histories = reporter.histories(record);
    const decided = computePodActions({
      pod,
      histories,
      hasSandbox: sandbox !== undefined,
      ended: (sandbox?.containers ?? []).filter(({ phase }) => phase === 'exited').map(({ id }) => id),
      problems: problems.containers,
      provisions: record.provisions,
      backoffs: record.backoffs,
      backoffPolicy: defaultBackoff,
      now: clock.now(),
    });
    // Without volumes nothing starts; their end is the next cause.
    const actions = record.volumes.ready ? decided : { ...decided, start: [] };
    if (!isIdle(actions)) logger.info({ uid, pod: pod.metadata.name, namespace: pod.metadata.namespace, actions: summary(actions) }, 'pod actions');
    const retryAt = problems.pod ? undefined : await this.#apply(record, histories, actions, signal);
    for (const action of actions.wait) this.#wait(record, action);
    for (const { name } of pod.spec.ephemeralContainers ?? []) {
      const waiting = problems.containers.get(name);
      if (waiting) this.#wait(record, { name, waiting, backingOff: false });
    }
    return earliest(actions.wakeAt, retryAt);
  }

  /** In the order of the record's fields. Answers when to retry what failed. */
  async #apply(record: PodRecord, histories: readonly ContainerHistory[], actions: PodActions, signal: AbortSignal): Promise<number | undefined> {
    const { engine, stopper, provisioner, clock, events, podsDirectory } = this.#options;
    const { pod, uid } = record;
    for (const { id, name, message } of actions.kill) {
      record.replaced.set(id, true);
      stopper.stop(record, { id, name }, stopGraceSeconds(pod), message);
    }
    for (const id of actions.forget) await this.#forget(record, id);
    if (actions.createSandbox) {
      const { name, namespace } = pod.metadata;
      try {
        await engine.runPodSandbox({ uid, name, namespace, directory: join(podsDirectory, uid) });
      } catch (error) {
        events.pod(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${messageOf(error)}`);
        return clock.now() + retryMilliseconds;
      }
    }
    for (const action of actions.pull) {
      if (!signal.aborted) provisioner.provide(record, containerOf(histories, action.name), action);
    }
    const retries: (number | undefined)[] = [];
    for (const action of actions.start) {
      if (signal.aborted) return undefined;
      retries.push(await this.#start(record, containerOf(histories, action.name), action));
    }
    return earliest(...retries);
  }

  async #forget(record: PodRecord, id: string): Promise<void> {
    try {
      await this.#options.engine.removeContainer(id);
      record.replaced.delete(id);
      record.told.delete(`Started ${id}`);
      record.told.delete(`Killing ${id}`);
    } catch (error) {
      // An old log that cannot be deleted must not keep the pod from its next start; the next sync tries again.
      this.#options.logger.warn({ uid: record.uid, container: id, error: messageOf(error) }, 'old attempt was not removed');
    }
  }

  /** Answers when to try again what failed. */
  async #start(record: PodRecord, container: Container, action: StartAction): Promise<number | undefined> {
    const { starter, provisioner } = this.#options;
    const { name, image } = action;
    const inputs = record.inputs.get(name);
    const failure = inputs && (await starter.start(record.pod, container, action, inputs));
    if (failure) return provisioner.fail(record, action, { ...failure, image });
    record.waiting.delete(name);
    record.provisions.delete(name);
    record.inputs.delete(name);
    if (action.backoff) record.backoffs.set(name, action.backoff);
    return undefined;
  }

  #wait(record: PodRecord, { name, waiting, backingOff }: WaitAction): void {
    const { events } = this.#options;
    const { pod } = record;
    const before = record.waiting.get(name);
    record.waiting.set(name, waiting);
    if (before?.reason === waiting.reason && before.message === waiting.message) return;
    if (waiting.reason === 'ImagePullBackOff') {
      const image = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((container) => container.name === name)?.image ?? '';
      events.container(pod, name, 'Normal', 'BackOff', `Back-off pulling image "${image}"`);
      events.container(pod, name, 'Warning', 'Failed', 'Error: ImagePullBackOff');
    } else if (backingOff) {
      events.container(pod, name, 'Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${podLabel(pod)}`);
    } else if (!record.provisions.has(name)) {
      events.container(pod, name, 'Warning', 'Failed', `Error: ${waiting.message ?? waiting.reason}`);
    }
  }
}

const retryMilliseconds = 10_000;

/** When what was begun in this turn of the event loop has been done: requests leave the process then. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function containerOf(histories: readonly ContainerHistory[], name: string): Container {
  const history = histories.find(({ container }) => container.name === name);
  if (history === undefined) throw new Error(`no container ${name} in the pod`);
  return history.container;
}

/** For the log: names only. */
function summary({ kill, createSandbox, pull, start }: PodActions): object {
  const names = (actions: readonly { name: string }[]) => (actions.length > 0 ? actions.map(({ name }) => name) : undefined);
  return { kill: names(kill), createSandbox: createSandbox || undefined, pull: names(pull), start: names(start) };
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
