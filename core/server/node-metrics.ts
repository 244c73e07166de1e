import { readdirSync } from 'node:fs';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../api/clock.ts';
import type { Engine, EngineEvent } from '../api/engine.ts';

export interface NodeMetricsOptions {
  readonly registry: Registry;
  readonly nodeName: string;
  /** What the node reports as kubeletVersion. */
  readonly version: string;
  readonly engine: Pick<Engine, 'podSandbox' | 'listPodSandboxes'>;
  readonly clock: Clock;
}

/** Upstream's buckets of kubelet_pod_start_duration_seconds (pkg/kubelet/metrics). */
const podStartBuckets = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];

/**
 * The node's metrics, by upstream's names. prom-client's own default metrics stay out: their event-loop monitor wakes an idle
 * process a hundred times a second.
 */
export class NodeMetrics {
  readonly #registry: Registry;
  readonly #engine: Pick<Engine, 'podSandbox'>;
  readonly #startedPods: Counter;
  readonly #startedContainers: Counter<'container_type'>;
  readonly #podStart: Histogram;
  readonly #droppedEvents: Counter<'cause'>;
  readonly #requests: Counter<'method' | 'path' | 'server_type' | 'long_running'>;

  constructor({ registry, nodeName, version, engine, clock }: NodeMetricsOptions) {
    const registers = [registry];
    this.#registry = registry;
    this.#engine = engine;
    this.#startedPods = new Counter({ registers, name: 'kubelet_started_pods_total', help: 'Cumulative number of pods started' });
    this.#startedContainers = new Counter({ registers, name: 'kubelet_started_containers_total', help: 'Cumulative number of containers started', labelNames: ['container_type'] });
    this.#podStart = new Histogram({ registers, name: 'kubelet_pod_start_duration_seconds', help: 'Duration in seconds from the making of the pod sandbox to the first of its containers running', buckets: podStartBuckets });
    this.#requests = new Counter({ registers, name: 'kubelet_http_requests_total', help: 'Number of the http requests received since the server started', labelNames: ['method', 'path', 'server_type', 'long_running'] });
    this.#droppedEvents = new Counter({ registers, name: 'wasmlet_dropped_events_total', help: 'Number of Kubernetes events that the API server never got, by cause', labelNames: ['cause'] });
    new Gauge({ registers, name: 'kubelet_node_name', help: "The node's name. The count is always 1.", labelNames: ['node'] }).set({ node: nodeName }, 1);
    new Gauge({ registers, name: 'kubernetes_build_info', help: "The version of Kubernetes that this node follows, and its own; always 1", labelNames: ['git_version', 'platform'] }).set({ git_version: version, platform: `${process.platform}/${process.arch}` }, 1);
    observeEngine(registers, engine);
    observeProcess(registers, clock);
  }

  /** Passes the engine's events on, and counts the starts that they tell of. */
  async *watch(events: AsyncIterable<EngineEvent>): AsyncGenerator<EngineEvent> {
    const running = new Set<string>();
    for await (const event of events) {
      const { type, podUid, containerId } = event;
      const ended = type === 'container-exited';
      // A short one may be known by its end alone.
      if ((ended || type === 'container-started') && !running.has(containerId)) this.#countStart(podUid, containerId);
      if (ended) running.delete(containerId);
      else if (type === 'container-started') running.add(containerId);
      yield event;
    }
  }

  #countStart(podUid: string, containerId: string): void {
    const sandbox = this.#engine.podSandbox(podUid);
    const container = sandbox?.containers.find(({ id }) => id === containerId);
    if (!sandbox || container?.startedAt === undefined) return;
    this.#startedContainers.inc({ container_type: container.kind === 'init' ? 'init_container' : 'container' });
    const others = sandbox.containers.filter(({ id, kind, startedAt }) => kind === 'main' && id !== containerId && startedAt !== undefined);
    if (container.kind !== 'main' || container.attempt > 0 || others.length > 0) return;
    this.#startedPods.inc();
    this.#podStart.observe(Math.max(0, container.startedAt - sandbox.createdAt) / 1000);
  }

  /** `path`: the first part of the route that matched, so that callers cannot make new series. */
  requestServed(method: string, path: string, longRunning: boolean): void {
    this.#requests.inc({ method, path, server_type: 'readwrite', long_running: String(longRunning) });
  }

  eventDropped(cause: string): void {
    this.#droppedEvents.inc({ cause });
  }

  /** Prometheus' text format, with its content type. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}

function observeEngine(registers: Registry[], engine: Pick<Engine, 'listPodSandboxes'>): void {
  const phases = () => engine.listPodSandboxes().map(({ containers }) => containers.map(({ phase }) => phase));
  new Gauge({
    registers,
    name: 'kubelet_running_pods',
    help: 'Number of pods that have a running container',
    collect() {
      this.set(phases().filter((pod) => pod.includes('running')).length);
    },
  });
  new Gauge({
    registers,
    name: 'kubelet_running_containers',
    help: 'Number of containers by their state',
    labelNames: ['container_state'],
    collect() {
      const all = phases().flat();
      for (const state of ['created', 'running', 'exited'] as const) this.set({ container_state: state }, all.filter((phase) => phase === state).length);
    },
  });
}

/** The process_* metrics that every Prometheus client gives. */
function observeProcess(registers: Registry[], clock: Clock): void {
  const startedAt = clock.now() / 1000 - process.uptime();
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      registers,
      name,
      help,
      collect() {
        this.set(read());
      },
    });
  };
  new Counter({
    registers,
    name: 'process_cpu_seconds_total',
    help: 'Total user and system CPU time spent in seconds.',
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss());
  gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', () => startedAt);
  gauge('process_open_fds', 'Number of open file descriptors.', () => readdirSync('/proc/self/fd').length);
}
