import { map, merge, Subject, tap, type Subscription } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import type { Engine } from '../../api/engine.ts';
import type { ImageService } from '../../api/image.ts';
import type { Node, Pod, WatchEvent } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { RuntimeRegistry } from '../../api/runtime.ts';
import type { EventRecorder, ObjectReader, PodClient, PodSource } from '../../kube/kube.ts';
import { podSpine } from '../../pipeline/pod-spine.ts';
import type { Room } from '../../pod/admission/check-room.ts';
import type { PlacedContainers } from '../../pod/admission/placed-containers.ts';
import type { PodAddresses } from '../../pod/environment/field-reference.ts';
import type { RuntimeHandlers } from '../../pod/select-runtime.ts';
import type { VolumeManager } from '../../volume/volume-manager.ts';
import { EmptyDirEvictor } from '../eviction/empty-dir-evictor.ts';
import { Housekeeper } from '../housekeeping/housekeeper.ts';
import { PodCleaner } from '../housekeeping/pod-cleaner.ts';
import type { PodDirectory, PodEvent, PodOffer, PodSpine } from '../kubelet.ts';
import { StatusManager } from '../status/status-manager.ts';
import { ContainerProvisioner } from '../containers/container-provisioner.ts';
import { ContainerStarter } from '../containers/container-starter.ts';
import { ImagePuller } from '../containers/image-puller.ts';
import { AdmittedPods } from './admitted-pods.ts';
import { PodEventTeller } from './pod-event-teller.ts';
import { PodManager } from './pod-manager.ts';
import { PodReporter } from './pod-reporter.ts';
import { PodStopper } from './pod-stopper.ts';
import { PodVolumes } from './pod-volumes.ts';
import { PodWorkers } from './pod-workers.ts';
import { RunningPodSyncer } from './running-pod-syncer.ts';

export interface KubeletOptions {
  readonly engine: Engine;
  readonly images: ImageService;
  readonly volumes: VolumeManager;
  readonly podClient: PodClient;
  readonly objects: ObjectReader;
  readonly events: EventRecorder;
  readonly sources: readonly PodSource[];
  readonly runtimes: RuntimeRegistry;
  /** RuntimeClass handlers of the node's configuration. */
  readonly runtimeHandlers: RuntimeHandlers;
  /** Absent: core/pipeline's. A test may stand between. */
  readonly spine?: PodSpine;
  /** This node as it is now: labels, taints, allocatable. */
  readonly node: () => Node;
  /** One address per family, the first is the primary. Pods share them until they have addresses of their own. */
  readonly hostIPs: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly directories: {
    /** `<root-dir>/pods` */
    readonly pods: string;
    readonly podLogs: string;
    readonly containerLogs: string;
  };
  /** Containers of a class that this process can still hold beside those placed. */
  readonly room: Room['left'];
  readonly offer: PodOffer;
  /** Descriptors that a container may hold at once. */
  readonly descriptorsPerContainer: number;
  /** An error on the spine is a bug: the process must end with a non-zero code. */
  readonly fatal: (error: unknown) => void;
  /** 0–1; spreads resyncs. */
  readonly random?: () => number;
}

/** Orphans are looked for at start and then as often as this. */
const housekeepingMilliseconds = 60_000;

/** The kubelet: desired pods in, containers in the engine and statuses in the API out. */
export class Kubelet implements PodDirectory {
  readonly #options: KubeletOptions;
  readonly #admitted: AdmittedPods;
  readonly #manager: PodManager;
  readonly #workers: PodWorkers;
  readonly #statuses: StatusManager;
  readonly #housekeeper: Housekeeper;
  readonly #evictor: EmptyDirEvictor;
  /** Jobs of pods that have ended. */
  readonly #jobs$ = new Subject<PodEvent>();
  readonly #desired$ = new Subject<PodEvent>();
  #sources: Subscription | undefined;
  #spine: Subscription | undefined;
  #cancelHousekeeping: (() => void) | undefined;

  constructor(options: KubeletOptions) {
    const { engine, images, volumes, podClient, objects, runtimes, runtimeHandlers, node, hostIPs, clock, logger, directories } = options;
    const events = new PodEventTeller(options.events);
    const admitted = new AdmittedPods(runtimeHandlers, options.offer);
    const ended = (uid: string): void => this.#jobs$.next({ uid, cause: 'job' });
    const addresses = (): PodAddresses => ({ hostIPs: hostIPs(), podIPs: hostIPs() });
    const podVolumes = new PodVolumes({ volumes, events, clock, ended });
    const stopper = new PodStopper({ engine, events, clock, logger, ended });
    const cleaner = new PodCleaner({ engine, podsDirectory: directories.pods, logsDirectory: directories.podLogs });
    const statuses = new StatusManager({ podClient, observe: (uid) => engine.podSandbox(uid), clock, logger });
    const reporter = new PodReporter({ engine, statuses, events, clock, addresses });
    const manager = new PodManager({ sources: options.sources.map(({ name }) => name), logger });
    const running = new RunningPodSyncer({
      engine,
      objects,
      provisioner: new ContainerProvisioner({ puller: new ImagePuller({ images, objects, events }), objects, events, clock, ended }),
      starter: new ContainerStarter({
        engine,
        volumes,
        runtimes,
        runtimeHandlers,
        events,
        logs: { pods: directories.podLogs, containers: directories.containerLogs },
        addresses,
        descriptors: options.descriptorsPerContainer,
      }),
      stopper,
      volumes: podVolumes,
      reporter,
      statuses,
      events,
      clock,
      logger,
      node,
      admitted,
      room: { left: options.room, handlers: runtimeHandlers },
      offer: options.offer,
      podsDirectory: directories.pods,
    });
    this.#options = options;
    this.#admitted = admitted;
    this.#manager = manager;
    this.#statuses = statuses;
    this.#workers = new PodWorkers({
      manager, running, stopper, volumes: podVolumes, reporter, statuses, cleaner, engine, podClient, objects, clock, logger,
      random: options.random ?? Math.random, admitted,
    });
    this.#evictor = new EmptyDirEvictor({
      pods: () => admitted.list,
      volumes,
      evict: (pod, message) => void (this.#workers.evict(pod.metadata.uid, message) && events.pod(pod, 'Warning', 'Evicted', message)),
      clock,
      logger,
    });
    this.#housekeeper = new Housekeeper({
      engine,
      volumes,
      cleaner,
      podsDirectory: directories.pods,
      isKnown: (uid) => manager.get(uid) !== undefined || this.#workers.has(uid),
      logger,
    });
  }

  /** Subscribes to the sources. The engine must have recovered before. */
  start(): void {
    const { engine, objects, clock, sources, spine = podSpine, fatal } = this.#options;
    const ended$ = this.#statuses.finalWritten$.pipe(map((uid): PodEvent => ({ uid, cause: 'status' })));
    const synced$ = spine(
      {
        desired$: this.#desired$,
        jobs$: merge(this.#jobs$, this.#workers.events$, ended$),
        engine: engine.events(),
        objectChanges$: objects.changes$.pipe(tap((uid) => this.#workers.markStale(uid))),
      },
      { syncer: this.#workers, clock },
    );
    this.#spine = synced$.subscribe({ error: fatal });
    this.#evictor.start();
    this.#sources = merge(...sources.map(({ name, events$ }) => events$.pipe(tap((event) => this.#take(name, event))))).subscribe({ error: fatal });
  }

  /**
   * Nothing new is started; every guest is ended and reported within about `deadlineMilliseconds`. No terminal phase is
   * written that restartPolicy does not give: the pods go on after the next start.
   */
  async stop(deadlineMilliseconds: number): Promise<void> {
    this.#sources?.unsubscribe();
    this.#cancelHousekeeping?.();
    this.#evictor.stop();
    this.#workers.stopStarting();
    await this.#options.engine.stop(deadlineMilliseconds);
    this.#workers.reportAll();
    await this.#statuses.stop(deadlineMilliseconds);
    this.#spine?.unsubscribe();
  }

  /** What holds places on this node: pods, and their containers by class. */
  get load(): { readonly pods: number; readonly containers: PlacedContainers } {
    return { pods: this.#admitted.list.length, containers: this.#admitted.containers };
  }

  list(): readonly Pod[] {
    return this.#manager.list().map((pod) => this.#withStatus(pod));
  }

  find(namespace: string, name: string): Pod | undefined {
    const pod = this.#manager.list().find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    return pod && this.#withStatus(pod);
  }

  #withStatus(pod: Pod): Pod {
    const status = this.#statuses.get(pod.metadata.uid) ?? pod.status;
    return status === undefined ? pod : { ...pod, status };
  }

  #take(source: PodSource['name'], event: WatchEvent<Pod>): void {
    const before = this.#manager.synced;
    const { shown, gone, wake } = this.#manager.apply(source, event);
    if (shown !== undefined) this.#statuses.observed(shown);
    if (gone !== undefined) this.#statuses.forget(gone);
    for (const next of wake) this.#desired$.next(next);
    if (!before && this.#manager.synced) this.#keepHouse();
  }

  #keepHouse(): void {
    void this.#housekeeper.run();
    this.#cancelHousekeeping = this.#options.clock.after(housekeepingMilliseconds, () => this.#keepHouse());
  }
}
