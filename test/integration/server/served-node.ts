import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { Registry } from 'prom-client';
import type { ContainerObservation, ContainerStats, PodSandboxObservation } from '../../../core/api/engine.ts';
import type { ContainerStatus, Pod } from '../../../core/api/kubernetes.ts';
import type { ResourceAttributes, User } from '../../../core/kube/kube.ts';
import { KubeletServer, type KubeletServerOptions } from '../../../core/server/kubelet-server.ts';
import { NodeMetrics } from '../../../core/server/node-metrics.ts';
import type { Reloadable } from '../../../core/api/reloadable.ts';
import type { ServingCertificate } from '../../../core/server/serving-certificate.ts';
import { silentLogger } from '../../../core/telemetry/logger.ts';
import { systemClock } from '../../../core/telemetry/system-clock.ts';
import { CertificateAuthority, type KeyPair } from '../../cluster/certificates.ts';

/** A value that a test may replace. */
export class Replaceable<T> implements Reloadable<T> {
  #value: T | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(value: T | undefined) {
    this.#value = value;
  }

  current(): T | undefined {
    return this.#value;
  }

  replace(value: T | undefined): void {
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Caller {
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly client?: KeyPair;
  readonly token?: string;
}

/** A server on real TLS with pods, an engine and reviews that the test sets up by hand. */
export class ServedNode {
  readonly root: string;
  readonly authority: CertificateAuthority;
  readonly certificate: Replaceable<ServingCertificate>;
  readonly clientCA: Replaceable<string>;
  readonly pods: Pod[] = [];
  readonly sandboxes: PodSandboxObservation[] = [];
  readonly stats: ContainerStats[] = [];
  readonly tokens = new Map<string, User>();
  /** `user verb subresource` of what is allowed. */
  readonly rights = new Set<string>();
  readonly asked: string[] = [];
  server!: KubeletServer;
  port = 0;
  healthzPort = 0;
  healthFailure: string | undefined;

  private constructor(root: string, authority: CertificateAuthority, serving: KeyPair) {
    this.root = root;
    this.authority = authority;
    this.certificate = new Replaceable({ cert: serving.certificate, key: serving.key });
    this.clientCA = new Replaceable(authority.certificate);
  }

  static async start(options: Partial<KubeletServerOptions> = {}): Promise<ServedNode> {
    const root = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-server-'));
    const authority = await CertificateAuthority.create('test authority');
    const serving = await authority.issue({ commonName: 'system:node:n1', organizations: ['system:nodes'], hosts: ['127.0.0.1', 'n1'] });
    const node = new ServedNode(root, authority, serving);
    node.server = new KubeletServer({ ...node.options(), ...options });
    const ports = await node.server.start().catch(async (error: unknown) => {
      await rm(root, { recursive: true, force: true });
      throw error;
    });
    node.port = ports.port;
    node.healthzPort = ports.healthzPort ?? 0;
    return node;
  }

  options(): KubeletServerOptions {
    const engine = { podSandbox: (uid: string) => this.sandboxes.find((sandbox) => sandbox.uid === uid), listPodSandboxes: () => this.sandboxes, containerStats: () => this.stats };
    return {
      nodeName: 'n1',
      address: '127.0.0.1',
      port: 0,
      healthz: { address: '127.0.0.1', port: 0 },
      certificate: this.certificate,
      clientCA: this.clientCA,
      reviews: {
        authenticate: async (token) => this.tokens.get(token),
        authorize: async (user: User, attributes: ResourceAttributes) => {
          const right = `${user.name} ${attributes.verb} ${attributes.subresource}`;
          this.asked.push(`${right} ${attributes.name}`);
          return { allowed: this.rights.has(right) };
        },
      },
      localDirectory: path.join(this.root, 'local'),
      pods: { list: () => this.pods, find: (namespace, name) => this.pods.find((pod) => pod.metadata.namespace === namespace && pod.metadata.name === name) },
      engine,
      metrics: new NodeMetrics({ registry: new Registry(), nodeName: 'n1', version: 'v1.37.2-wasmlet.0.1.0', engine, clock: systemClock }),
      healthChecks: [{ name: 'syncloop', check: () => this.healthFailure }],
      recentEvents: () => [{ metadata: {}, involvedObject: {}, reason: 'Pulled', message: 'there' }],
      plugins: () => [{ id: 'wasi', directory: '/p', outcome: 'active' }],
      clock: systemClock,
      logger: silentLogger,
    };
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.root, { recursive: true, force: true });
  }

  /** A client certificate that the server trusts. */
  client(commonName: string, organizations: readonly string[] = []): Promise<KeyPair> {
    return this.authority.issue({ commonName, organizations });
  }

  /** A pod with one container, its log and its state; answers the log's path. */
  async addContainer(name: string, observation: Partial<ContainerObservation>, status: Partial<ContainerStatus>, log?: string): Promise<string> {
    const uid = `uid-${name}`;
    const id = 'ab'.repeat(32);
    const directory = path.join(this.root, 'logs', name);
    const logPath = path.join(directory, '0.log');
    await mkdir(directory, { recursive: true });
    if (log !== undefined) await writeFile(logPath, log);
    this.pods.push({
      metadata: { namespace: 'default', name, uid },
      spec: { containers: [{ name: 'main' }] },
      status: { phase: 'Running', containerStatuses: [{ name: 'main', image: 'i', imageID: 'i', ready: true, restartCount: 0, containerID: `wasmlet://${id}`, state: { running: {} }, ...status }] },
    });
    const container = { id, podUid: uid, name: 'main', kind: 'main', attempt: 0, hash: 'h', image: 'i', imageId: 'i', runtime: 'wasi', isolation: 'dedicated', phase: 'running', createdAt: 0, logPath, ...observation } as const;
    this.sandboxes.push({ uid, name, namespace: 'default', createdAt: 0, containers: [container] });
    return logPath;
  }

  setPhase(name: string, phase: ContainerObservation['phase']): void {
    const at = this.sandboxes.findIndex((sandbox) => sandbox.name === name);
    const sandbox = this.sandboxes[at]!;
    this.sandboxes[at] = { ...sandbox, containers: sandbox.containers.map((container) => ({ ...container, phase })) };
  }

  /** The response as soon as its head is there. */
  open(target: string, { method = 'GET', client, token, headers: more = {} }: Caller = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const identity = client ? { cert: client.certificate, key: client.key } : {};
      const headers = token === undefined ? more : { ...more, authorization: `Bearer ${token}` };
      request({ host: '127.0.0.1', port: this.port, path: target, method, ca: this.authority.certificate, servername: 'n1', agent: false, headers, ...identity }, resolve).on('error', reject).end();
    });
  }

  async ask(target: string, caller: Caller = {}): Promise<Answer> {
    const response = await this.open(target, caller);
    return { status: response.statusCode!, headers: response.headers, body: await text(response) };
  }
}


/** Waits for what happens soon; the test's own time limit ends it. */
export async function eventually(assertion: () => Promise<void> | void): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await assertion();
    } catch (error) {
      if (attempt === 200) throw error;
      await setTimeout(25);
    }
  }
}
