/**
 * The composition root: typed tokens and the factories that build each part, in a container of our own. The only place that
 * resolves. What has to be awaited before anything can be built stands in `Foundation` (core/node-agent.ts makes it).
 */
import 'reflect-metadata';
import path from 'node:path';
import { Registry } from 'prom-client';
import { container as root, instanceCachingFactory } from 'tsyringe';
import type { DependencyContainer, InjectionToken } from 'tsyringe';
import type { Clock } from './api/clock.ts';
import type { Engine } from './api/engine.ts';
import type { Event, Node } from './api/kubernetes.ts';
import type { Logger } from './api/logger.ts';
import type { Installation } from './config/installation.ts';
import type { NodeConfiguration } from './config/node-configuration.ts';
import { guestConnections, guestDescriptors, nothingPlaced, roomFor } from './engine/capacity.ts';
import type { MachineWalls } from './engine/capacity.ts';
import { WasmEngine } from './engine/engine.ts';
import { FileBlobStore } from './image/file-blob-store.ts';
import { ImageIndex } from './image/image-index.ts';
import { ImageStore } from './image/image-store.ts';
import type { ApiClient } from './kube/api/api-client.ts';
import { ApiEventRecorder } from './kube/events/api-event-recorder.ts';
import type { EventRecorder, ObjectReader, PodClient, PodSource, ReviewClient } from './kube/kube.ts';
import { ApiNodeClient } from './kube/node/api-node-client.ts';
import { LeaseKeeper } from './kube/node/lease-keeper.ts';
import { kubeletVersion } from './kube/node/node-object.ts';
import type { NodeDescription } from './kube/node/node-object.ts';
import { NodeRegistrar } from './kube/node/node-registrar.ts';
import { ApiObjectReader } from './kube/objects/api-object-reader.ts';
import { ApiPodClient } from './kube/pods/api-pod-client.ts';
import { ApiReviewClient } from './kube/reviews.ts';
import { InMemoryEventRecorder, StandaloneObjectReader, StandalonePodClient } from './kube/standalone.ts';
import { ApiPodSource } from './kube/watch/api-pod-source.ts';
import { watchNode } from './kube/watch/watch-node.ts';
import type { PodOffer } from './kubelet/kubelet.ts';
import { Kubelet } from './kubelet/pods/kubelet.ts';
import { FilePodSource } from './kubelet/static-pods/file-pod-source.ts';
import { podSpine } from './pipeline/pod-spine.ts';
import type { PluginHost } from './plugin-host/plugin-host.ts';
import { KubeletServer } from './server/kubelet-server.ts';
import { NodeMetrics } from './server/node-metrics.ts';
import type { Reloadable } from './api/reloadable.ts';
import type { ServingCertificate } from './server/serving-certificate.ts';
import { MemoryDirectories } from './volume/memory-directories.ts';
import { PodVolumeManager } from './volume/pod-volume-manager.ts';

/** What the parts are built on; each of it was awaited. */
export interface Foundation {
  readonly configuration: NodeConfiguration;
  readonly installation: Installation;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly plugins: PluginHost;
  /** Absent: a standalone node. */
  readonly api?: ApiClient;
  readonly servingCertificate: Reloadable<ServingCertificate>;
  /** PEM. */
  readonly clientCA: Reloadable<string>;
  /** Addresses of the node, primary first. */
  readonly addresses: readonly string[];
  /** What bounds the guests of this process. */
  readonly walls: MachineWalls;
  /** The node as it describes itself now. */
  readonly describe: () => Promise<NodeDescription>;
  /** The node for admission: as the API server has it, else as it describes itself. */
  readonly node: () => Node;
  /** A bug on the spine: the process must end. */
  readonly fatal: (error: unknown) => void;
}

const token = <T>(name: string): InjectionToken<T> => Symbol(name);

export const tokens = {
  describe: token<() => Promise<NodeDescription>>('Describe'),
  engine: token<Engine>('Engine'),
  events: token<EventRecorder>('EventRecorder'),
  eventSender: token<ApiEventRecorder>('ApiEventRecorder'),
  recentEvents: token<(podUid: string) => readonly Event[] | undefined>('RecentEvents'),
  images: token<ImageStore>('ImageStore'),
  kubelet: token<Kubelet>('Kubelet'),
  lease: token<LeaseKeeper>('LeaseKeeper'),
  memory: token<MemoryDirectories>('MemoryDirectories'),
  metrics: token<NodeMetrics>('NodeMetrics'),
  nodeClient: token<ApiNodeClient>('ApiNodeClient'),
  offer: token<PodOffer>('PodOffer'),
  objects: token<ObjectReader>('ObjectReader'),
  objectCache: token<ApiObjectReader>('ApiObjectReader'),
  podClient: token<PodClient>('PodClient'),
  podSources: token<readonly PodSource[]>('PodSources'),
  registrar: token<NodeRegistrar>('NodeRegistrar'),
  reviews: token<ReviewClient>('ReviewClient'),
  server: token<KubeletServer>('KubeletServer'),
  volumes: token<PodVolumeManager>('VolumeManager'),
} as const;

/** Descriptors that one container may hold at once. */
const descriptorsPerContainer = 256;

export interface Composition {
  resolve<T>(token: InjectionToken<T>): T;
}

export function compose(foundation: Foundation): Composition {
  const container = root.createChildContainer();
  const register = <T>(where: InjectionToken<T>, build: (resolve: DependencyContainer['resolve']) => T): void => {
    container.register(where, { useFactory: instanceCachingFactory((inner) => build(inner.resolve.bind(inner))) });
  };
  registerNode(register, foundation);
  if (foundation.api === undefined) registerStandalone(register, foundation);
  else registerCluster(register, foundation, foundation.api);
  return container;
}

type Register = <T>(where: InjectionToken<T>, build: (resolve: DependencyContainer['resolve']) => T) => void;

function registerNode(register: Register, foundation: Foundation): void {
  const { configuration, installation, clock, logger, plugins } = foundation;
  const inRoot = (...parts: readonly string[]): string => path.join(configuration.rootDirectory, ...parts);

  register(tokens.describe, () => foundation.describe);
  register(tokens.engine, () => new WasmEngine({
    rootDirectory: configuration.rootDirectory,
    runtimes: plugins.runtimes,
    clock,
    logger,
    threadEntry: installation.threadEntry,
    ...(installation.compileCache === undefined ? {} : { compileCache: installation.compileCache }),
    // Both classes together are counted by admission.
    maxThreads: roomFor('dedicated', foundation.walls, nothingPlaced),
    maxSharedGuests: roomFor('shared', foundation.walls, nothingPlaced),
    maxGuestDescriptors: guestDescriptors(foundation.walls, configuration.maxPods),
    maxConnections: guestConnections(foundation.walls, configuration.maxPods),
    warmThreads: configuration.warmThreads,
    reuseThreads: configuration.reuseThreads,
    logMaxBytes: configuration.containerLogMaxSizeBytes,
    logMaxFiles: configuration.containerLogMaxFiles,
  }));
  register(tokens.images, () => new ImageStore({
    blobs: new FileBlobStore(inRoot('images', 'blobs')),
    index: new ImageIndex(inRoot('images', 'references'), logger),
    sources: () => plugins.imageSources,
    maxParallelPulls: configuration.maxParallelImagePulls,
    pullDeadline: configuration.imagePullDeadline,
    clock,
    logger,
  }));
  register(tokens.memory, () => new MemoryDirectories({
    directory: inRoot('memory'),
    fallbacks: [process.env['XDG_RUNTIME_DIR'], '/dev/shm'].filter((place) => place !== undefined),
    logger,
  }));
  register(tokens.volumes, (resolve) => new PodVolumeManager({
    podsDirectory: inRoot('pods'),
    plugins: (type) => plugins.volume(type),
    objects: resolve(tokens.objects),
    memory: resolve(tokens.memory),
    clock,
  }));
  register(tokens.kubelet, (resolve) => new Kubelet({
    engine: resolve(tokens.engine),
    images: resolve(tokens.images),
    volumes: resolve(tokens.volumes),
    podClient: resolve(tokens.podClient),
    objects: resolve(tokens.objects),
    events: resolve(tokens.events),
    sources: resolve(tokens.podSources),
    runtimes: plugins.runtimes,
    runtimeHandlers: configuration.runtimeHandlers,
    // The engine has one consumer of its events; the metrics count them on their way.
    spine: (sources, options) => podSpine({ ...sources, engine: resolve(tokens.metrics).watch(sources.engine) }, options),
    node: foundation.node,
    offer: resolve(tokens.offer),
    room: (isolation, placed) => roomFor(isolation, foundation.walls, placed),
    hostIPs: () => foundation.addresses,
    clock,
    logger,
    directories: { pods: inRoot('pods'), podLogs: configuration.podLogsDirectory, containerLogs: configuration.containerLogsDirectory },
    descriptorsPerContainer,
    fatal: foundation.fatal,
  }));
  register(tokens.metrics, (resolve) => new NodeMetrics({
    registry: new Registry(),
    nodeName: configuration.nodeName,
    version: kubeletVersion(installation.version),
    engine: resolve(tokens.engine),
    clock,
  }));
  register(tokens.server, (resolve) => new KubeletServer({
    nodeName: configuration.nodeName,
    address: configuration.address,
    port: configuration.port,
    ...(configuration.healthzPort === 0 ? {} : { healthz: { address: configuration.healthzBindAddress, port: configuration.healthzPort } }),
    certificate: foundation.servingCertificate,
    clientCA: foundation.clientCA,
    reviews: resolve(tokens.reviews),
    localDirectory: inRoot('local'),
    pods: resolve(tokens.kubelet),
    engine: resolve(tokens.engine),
    metrics: resolve(tokens.metrics),
    healthChecks: [],
    recentEvents: resolve(tokens.recentEvents),
    plugins: () => plugins.outcomes,
    clock,
    logger,
  }));
}

/** Without an API server nobody can vouch for anybody: only the local credential enters. */
const nobody: ReviewClient = {
  authenticate: () => Promise.resolve(undefined),
  authorize: () => Promise.resolve({ allowed: false }),
};

function registerStandalone(register: Register, { configuration, clock, logger }: Foundation): void {
  const { nodeName } = configuration;
  const recorder = new InMemoryEventRecorder({ nodeName, clock });
  register(tokens.events, () => recorder);
  register(tokens.recentEvents, () => (podUid) => recorder.recent(podUid));
  // Nobody schedules.
  register(tokens.offer, () => ({ changed: () => {}, told: () => Promise.resolve() }));
  register(tokens.podClient, () => new StandalonePodClient());
  register(tokens.objects, () => new StandaloneObjectReader());
  register(tokens.reviews, () => nobody);
  register(tokens.podSources, () => [new FilePodSource({ path: configuration.staticPodPath!, nodeName, clock, logger })]);
}

function registerCluster(register: Register, foundation: Foundation, api: ApiClient): void {
  const { configuration, clock, logger } = foundation;
  const { nodeName } = configuration;
  const random = Math.random;
  register(tokens.eventSender, (resolve) => new ApiEventRecorder({
    api,
    nodeName,
    clock,
    logger,
    onDropped: (cause) => resolve(tokens.metrics).eventDropped(cause),
  }));
  register(tokens.events, (resolve) => resolve(tokens.eventSender));
  // The API server has them, and `kubectl describe` shows them.
  register(tokens.recentEvents, () => () => undefined);
  register(tokens.podClient, () => new ApiPodClient({ api, nodeName }));
  register(tokens.objectCache, () => new ApiObjectReader({ api, clock, random, logger }));
  register(tokens.objects, (resolve) => resolve(tokens.objectCache));
  register(tokens.reviews, () => new ApiReviewClient({ api, clock, logger }));
  register(tokens.podSources, () => [new ApiPodSource({ api, nodeName, clock, random, logger })]);
  register(tokens.nodeClient, () => new ApiNodeClient({ api, nodeName }));
  register(tokens.registrar, (resolve) => new NodeRegistrar({
    client: resolve(tokens.nodeClient),
    events$: watchNode({ api, nodeName, clock, random, logger }),
    describe: foundation.describe,
    recorder: resolve(tokens.events),
    clock,
    random,
    logger,
    registerNode: configuration.registerNode,
    updateFrequency: configuration.nodeStatusUpdateFrequency,
    reportFrequency: configuration.nodeStatusReportFrequency,
  }));
  register(tokens.offer, (resolve) => ({
    changed: (how) => resolve(tokens.registrar)[how === 'fewer' ? 'changed' : 'changedSoon'](),
    told: () => resolve(tokens.registrar).sync(),
  }));
  register(tokens.lease, (resolve) => new LeaseKeeper({
    client: resolve(tokens.nodeClient),
    nodeUid: () => resolve(tokens.registrar).node?.metadata.uid,
    durationSeconds: configuration.nodeLeaseDurationSeconds,
    clock,
    logger,
  }));
}
