/**
 * Keeps this node's object as it should be: created, re-created after a deletion, its labels and status up to date.
 * No state of the API server makes it give up, and no method throws.
 */
import type { Observable, Subscription } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Node, NodeStatus, WatchEvent } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import { isConflict, isForbidden, isNotFound } from '../api/api-error.ts';
import type { EventRecorder, ObjectReference } from '../kube.ts';
import type { ApiNodeClient } from './api-node-client.ts';
import { conditionEvents, nodeConditions, nodeStatusEvent } from './node-conditions.ts';
import { newNode } from './node-object.ts';
import type { NodeDescription } from './node-object.ts';
import { differsBeyondHeartbeats, missingTaints, nodeMetadataPatch } from './node-status-patch.ts';

export interface NodeRegistrarOptions {
  readonly client: ApiNodeClient;
  /** List-watch of this one node (fieldSelector metadata.name). */
  readonly events$: Observable<WatchEvent<Node>>;
  /** Asked before every comparison. */
  readonly describe: () => NodeDescription | Promise<NodeDescription>;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** False: somebody else creates the object; only its status is written. */
  readonly registerNode: boolean;
  /** Milliseconds; 10 s and 5 min by default. */
  readonly updateFrequency?: number;
  readonly reportFrequency?: number;
}

const soon = 1_000;
const firstRetry = 100;
const longestRetry = 7_000;
/** After start the first Ready is looked for this often, for so long. */
const eagerInterval = 100;
const eagerDuration = 120_000;

export class NodeRegistrar {
  readonly #options: NodeRegistrarOptions;
  readonly #updateFrequency: number;
  readonly #reportFrequency: number;
  readonly #stopped = new AbortController();
  #wake = new AbortController();
  #subscription: Subscription | undefined;
  #running: Promise<void> | undefined;
  #turn = Promise.resolve(true);
  #next: Promise<boolean> | undefined;
  #observed: Node | undefined;
  #cancelSoon: (() => void) | undefined;
  #csiNode = false;
  #unschedulable = false;
  #taintsCompared = false;
  #retry = firstRetry;
  #reportDue = 0;
  #resolveRegistered: (node: Node) => void = () => undefined;
  /** Settles when the node object exists for the first time. */
  readonly registered: Promise<Node> = new Promise((resolve) => (this.#resolveRegistered = resolve));

  constructor(options: NodeRegistrarOptions) {
    this.#options = options;
    this.#updateFrequency = options.updateFrequency ?? 10_000;
    this.#reportFrequency = options.reportFrequency ?? 300_000;
  }

  /** The node as the API server has it, as far as we know; undefined while it is not registered. */
  get node(): Node | undefined {
    return this.#observed;
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#event('Normal', 'Starting', 'Starting kubelet.');
    this.#subscription = this.#options.events$.subscribe((event) => this.#follow(event));
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#cancelSoon?.();
    this.#subscription?.unsubscribe();
    this.#stopped.abort();
    this.#wake.abort();
    await this.#running;
  }

  /** Something that the status tells has changed: compare soon, not at the next beat. */
  changed(): void {
    this.#wake.abort();
  }

  /** As `changed`, for what is no trouble if it is known a second later, and may change often. */
  changedSoon(): void {
    this.#cancelSoon ??= this.#options.clock.after(soon, () => {
      this.#cancelSoon = undefined;
      this.changed();
    });
  }

  /** One comparison now; resolves when it is written, or could not be. */
  async sync(): Promise<void> {
    await this.#round();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    const eagerUntil = clock.monotonic() + eagerDuration;
    while (!this.#stopped.signal.aborted) {
      this.#wake = new AbortController();
      const written = await this.#round();
      const ready = this.#observed?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
      const beat = !ready && clock.monotonic() < eagerUntil ? eagerInterval : this.#updateFrequency * (1 + 0.04 * random());
      this.#retry = written ? firstRetry : Math.min(longestRetry, this.#retry * 2);
      await clock.sleep(written ? beat : this.#retry, this.#wake.signal);
    }
  }

  /** Rounds follow one another, whoever asks, and the next is the same for all who ask before it begins. False: try again soon. */
  #round(): Promise<boolean> {
    return (this.#next ??= this.#turn = this.#turn.then(() => {
      this.#next = undefined;
      return this.#reconciled();
    }));
  }

  async #reconciled(): Promise<boolean> {
    if (this.#stopped.signal.aborted) return true;
    try {
      await this.#reconcile();
      return true;
    } catch (error) {
      if (isNotFound(error)) this.#forget();
      this.#options.logger.warn({ error: messageOf(error) }, 'Node status was not written');
      return false;
    }
  }

  async #reconcile(): Promise<void> {
    const { client, describe, logger } = this.#options;
    const description = await describe();
    const node = this.#observed ?? (await this.#register(description));
    if (node === undefined) return;
    if (!this.#csiNode) {
      await client.ensureCSINode(node).then(
        () => (this.#csiNode = true),
        (error: unknown) => logger.warn({ error: messageOf(error) }, 'CSINode was not created'),
      );
    }
    const metadata = this.#options.registerNode ? nodeMetadataPatch(node, description) : undefined;
    if (metadata !== undefined) this.#observe(await client.patchMetadata(metadata));
    await this.#writeStatus(this.#observed ?? node, this.#status(description, this.#observed ?? node));
  }

  async #register(description: NodeDescription): Promise<Node | undefined> {
    const { client, registerNode, logger } = this.#options;
    if (!registerNode) {
      const node = await client.get();
      if (node === undefined) logger.warn({ node: client.name }, 'Node object is not there yet, and this node may not create it');
      else this.#observe(node);
      return node;
    }
    try {
      const node = await client.create(newNode(description, this.#status(description, undefined), this.#unschedulable));
      logger.info({ node: client.name, cordoned: this.#unschedulable }, 'Node registered');
      this.#observe(node);
      this.#tellConditions([], node.status);
      return node;
    } catch (error) {
      if (!isConflict(error) && !isForbidden(error)) throw error;
      // It exists, or we may not create but perhaps own it.
      const node = await client.get();
      if (node === undefined) throw error;
      this.#observe(node);
      this.#compareTaints(node, description);
      this.#tellReboot(node, description);
      logger.info({ node: client.name }, 'Node was registered already');
      return node;
    }
  }

  #status(description: NodeDescription, observed: Node | undefined): NodeStatus {
    const notReady = this.#csiNode ? description.notReady : [...description.notReady, 'CSINode is not yet initialized'];
    const conditions = nodeConditions({ pressure: description.pressure, notReady }, observed?.status?.conditions ?? [], this.#options.clock.now());
    return { ...description.status, conditions };
  }

  /** Heartbeats alone are no reason to write before the report is due: the lease shows that we live. */
  async #writeStatus(observed: Node, status: NodeStatus): Promise<void> {
    const { client, clock, random } = this.#options;
    const before = observed.status?.conditions ?? [];
    const changed = differsBeyondHeartbeats(observed.status ?? {}, status);
    if (!changed && clock.monotonic() < this.#reportDue) return;
    this.#observe(await client.patchStatus(observed, status));
    // Nodes that changed together must not report together for ever.
    this.#reportDue = clock.monotonic() + this.#reportFrequency * (changed ? 0.5 + random() : 1);
    this.#tellConditions(before, status);
  }

  #follow(event: WatchEvent<Node>): void {
    if (event.type === 'SYNCED') return;
    if (event.type === 'REMOVED') {
      if (this.#observed?.metadata.uid !== event.object.metadata.uid) return;
      this.#options.logger.warn({ node: this.#options.client.name }, 'Node object was deleted, registering again');
      this.#forget();
      this.changed();
    } else {
      this.#observe(event.object);
    }
  }

  /** The watch and our own writes both bring news: what is older than what we have is dropped. */
  #observe(node: Node): void {
    const before = this.#observed;
    if (before?.metadata.uid === node.metadata.uid && version(node) < version(before)) return;
    this.#observed = node;
    const cordoned = node.spec?.unschedulable === true;
    if (cordoned !== this.#unschedulable) {
      this.#unschedulable = cordoned;
      const { reason, message } = nodeStatusEvent(this.#options.client.name, cordoned ? 'NodeNotSchedulable' : 'NodeSchedulable');
      this.#event('Normal', reason, message);
    }
    if (before === undefined) this.#resolveRegistered(node);
  }

  /** The cordon is remembered: a node that somebody deleted must not come back open. */
  #forget(): void {
    this.#observed = undefined;
    this.#csiNode = false;
    this.#taintsCompared = false;
  }

  #compareTaints(node: Node, { taints }: NodeDescription): void {
    if (this.#taintsCompared) return;
    this.#taintsCompared = true;
    const missing = missingTaints(node, taints);
    if (missing.length > 0) this.#options.logger.warn({ missing }, 'The registered node lacks taints that are configured; a kubelet may not add them, an administrator can');
  }

  #tellReboot(node: Node, description: NodeDescription): void {
    const before = node.status?.nodeInfo?.bootID;
    const now = description.status.nodeInfo?.bootID;
    if (before && now && before !== now) this.#event('Warning', 'Rebooted', `Node ${description.name} has been rebooted, boot id: ${now}`);
  }

  #tellConditions(before: NonNullable<NodeStatus['conditions']>, status: NodeStatus | undefined): void {
    for (const { reason, message } of conditionEvents(this.#options.client.name, before, status?.conditions ?? [])) this.#event('Normal', reason, message);
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#options.recorder.event(nodeReference(this.#options.client.name), type, reason, message);
  }
}

/** Events about a node carry its name as UID: `kubectl describe node` looks for that. */
export function nodeReference(name: string): ObjectReference {
  return { kind: 'Node', name, uid: name };
}

/** Resource versions of one resource are comparable decimal numbers (KEP-5504). */
function version({ metadata: { resourceVersion = '' } }: Node): bigint {
  return /^\d+$/.test(resourceVersion) ? BigInt(resourceVersion) : 0n;
}
