/** Start and stop of a node, in order. What runs is built by core/composition.ts. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from './api/errors.ts';
import type { Node } from './api/kubernetes.ts';
import type { Logger } from './api/logger.ts';
import { compose, tokens } from './composition.ts';
import type { Composition } from './composition.ts';
import { findPlugins } from './config/installation.ts';
import type { Installation } from './config/installation.ts';
import type { NodeConfiguration } from './config/node-configuration.ts';
import { lockRootDirectory } from './config/root-directory-lock.ts';
import { openIdentity } from './kube/identity/identity.ts';
import type { Identity } from './kube/identity/identity.ts';
import { newNode } from './kube/node/node-object.ts';
import { describe, readMachineFacts } from './node-facts.ts';
import { PluginHost } from './plugin-host/plugin-host.ts';
import { createLogger } from './telemetry/logger.ts';
import { systemClock } from './telemetry/system-clock.ts';

/** Runs a node until it is told to stop (SIGTERM, SIGINT). Answers the exit code. Throws what keeps it from starting. */
export async function runNode(configuration: NodeConfiguration, installation: Installation): Promise<number> {
  const logger = createLogger(configuration.logLevel);
  const lock = lockRootDirectory(configuration.rootDirectory);
  const ended = Promise.withResolvers<number>();
  const told = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, 'stopping');
    ended.resolve(0);
  };
  process.once('SIGTERM', told).once('SIGINT', told);
  // A clock's timers and idle connections keep no process alive, and while it joins a node may have nothing else open.
  const alive = setInterval(() => {}, 2 ** 31 - 1);
  const agent = new NodeAgent({ configuration, installation, logger, fatal: (error) => {
    logger.error({ error }, 'a bug ends the node');
    ended.resolve(1);
  } });
  try {
    await Promise.race([agent.start(), ended.promise]);
    return await ended.promise;
  } finally {
    await agent.stop().finally(() => clearInterval(alive));
    lock.release();
  }
}

export interface NodeAgentOptions {
  readonly configuration: NodeConfiguration;
  readonly installation: Installation;
  readonly logger: Logger;
  /** A bug: the node cannot go on. */
  readonly fatal: (error: unknown) => void;
}

/** One node. `start` brings the parts up from the ground, `stop` takes down in reverse what has started. */
export class NodeAgent {
  readonly #options: NodeAgentOptions;
  readonly #stops: { readonly what: string; readonly stop: () => Promise<void> | void }[] = [];
  /** Aborts what `start` still waits for. */
  readonly #ended = new AbortController();
  #stopping: Promise<void> | undefined;
  #shuttingDown = false;

  constructor(options: NodeAgentOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { configuration, installation, logger, fatal } = this.#options;
    const clock = systemClock;
    const root = configuration.rootDirectory;
    await mkdir(path.join(root, 'pods'), { recursive: true, mode: 0o750 });

    const plugins = await this.#startPlugins();
    const facts = await readMachineFacts(configuration, logger);
    const identity = await openIdentity({
      configuration,
      addresses: facts.addresses.addresses,
      version: installation.version,
      clock,
      logger,
      environment: process.env,
      print: (line) => void process.stdout.write(`${line}\n`),
      signal: this.#ended.signal,
    });
    this.#onStop('identity', () => identity.stop());

    let port = configuration.port;
    let latest: Node | undefined;
    const parts = compose({
      configuration,
      installation,
      clock,
      logger,
      plugins,
      ...(identity.api === undefined ? {} : { api: identity.api }),
      servingCertificate: identity.servingCertificate,
      clientCA: identity.clientCA,
      addresses: facts.addresses.ips,
      walls: facts.walls,
      describe: async () => {
        const description = await describe({
          configuration,
          facts,
          version: installation.version,
          port,
          runtimes: plugins.runtimes,
          images: await parts.resolve(tokens.images).list(),
          load: parts.resolve(tokens.kubelet).load,
          notReady: this.#shuttingDown ? ['node is shutting down'] : [],
        });
        latest = newNode(description, description.status, false);
        return description;
      },
      node: () => registered(parts, identity) ?? latest!,
      fatal,
    });
    await this.#startParts(parts, identity, (listening) => (port = listening));
  }

  async stop(): Promise<void> {
    return (this.#stopping ??= this.#stopAll());
  }

  async #startPlugins(): Promise<PluginHost> {
    const { configuration, installation, logger } = this.#options;
    const { registries, plugins: sections } = configuration;
    const examples = { prefix: 'wasmlet.dev/examples', mirror: `oci-layout:${path.join(installation.examples, 'images')}` };
    const plugins = new PluginHost({
      directories: [...installation.plugins, ...findPlugins(configuration.pluginDirectories)],
      version: installation.version,
      configuration: { ...sections, 'image-oci': { registries: [...registries, examples], ...sections['image-oci'] } },
      disabled: configuration.disabledPlugins,
      runtimes: configuration.runtimes,
      dataDirectory: path.join(configuration.rootDirectory, 'plugins'),
      logger,
    });
    this.#onStop('plugins', () => plugins.stop());
    await plugins.start();
    return plugins;
  }

  async #startParts(parts: Composition, identity: Identity, onListening: (port: number) => void): Promise<void> {
    const { configuration, logger } = this.#options;
    const pods = path.join(configuration.rootDirectory, 'pods');

    const memory = parts.resolve(tokens.memory);
    await memory.start();
    this.#onStop('memory directories', () => memory.stop());

    const engine = parts.resolve(tokens.engine);
    // The kubelet stops it with a grace; where no kubelet began, its waiting threads would keep the process.
    this.#onStop('engine', () => engine.stop(0));
    await engine.recover(pods);

    const server = parts.resolve(tokens.server);
    const { port } = await server.start();
    onListening(port);
    this.#onStop('server', () => server.stop());

    const kubelet = parts.resolve(tokens.kubelet);
    if (identity.api === undefined) {
      await parts.resolve(tokens.describe)();
    } else {
      const [registrar, lease, events] = [parts.resolve(tokens.registrar), parts.resolve(tokens.lease), parts.resolve(tokens.eventSender)];
      const objects = parts.resolve(tokens.objectCache);
      this.#onStop('objects', () => objects.close());
      this.#onStop('events', () => events.stop(2_000));
      registrar.start();
      this.#onStop('registrar', () => registrar.stop());
      // Upstream's order: pods are watched once the node is known (contract §2.1).
      await registrar.registered;
      lease.start();
      this.#onStop('lease', () => lease.stop());
      this.#onStop('readiness', async () => {
        this.#shuttingDown = true;
        await registrar.sync();
      });
    }
    kubelet.start();
    this.#onStop('kubelet', () => kubelet.stop(configuration.shutdownGracePeriod));
    logger.info({ node: configuration.nodeName, port, address: configuration.address, standalone: configuration.standalone }, 'node started');
  }

  /** Throws when the node was told to stop in the meantime: what has just started is stopped, and nothing starts after it. */
  #onStop(what: string, stop: () => Promise<void> | void): void {
    this.#stops.push({ what, stop });
    if (!this.#ended.signal.aborted) return;
    void this.#stopStarted();
    this.#ended.signal.throwIfAborted();
  }

  async #stopAll(): Promise<void> {
    this.#ended.abort();
    await this.#stopStarted();
  }

  async #stopStarted(): Promise<void> {
    for (const { what, stop } of this.#stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        this.#options.logger.error({ what, reason: messageOf(error) }, 'a part did not stop');
      }
    }
  }
}

function registered(parts: Composition, identity: Identity): Node | undefined {
  return identity.api === undefined ? undefined : parts.resolve(tokens.registrar).node;
}
