/** A real engine whose guests listen on loopback, and clients for them. */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Artifact } from '../../core/api/artifact.ts';
import type { ContainerConfig, ContainerPort } from '../../core/api/engine.ts';
import type { PluginManifest } from '../../core/api/plugin.ts';
import type { RegisteredRuntime } from '../../core/api/runtime.ts';
import { EngineBed, registryOf } from './engine-bed.ts';
import { artifactOf } from './wat.ts';

const root = path.join(import.meta.dirname, '../..');
export const socketFixtures = path.join(root, 'test/fixtures/sockets');

/** A runtime of this repository, as its manifest says. */
export async function runtimeOf(name: string): Promise<RegisteredRuntime> {
  const home = path.join(root, 'runtimes', name);
  const { id, contributes } = JSON.parse(await readFile(path.join(home, 'plugin.json'), 'utf8')) as PluginManifest;
  const manifest = contributes.runtimes!.find((runtime) => runtime.name === name)!;
  return { manifest, pluginId: id, threadUrl: pathToFileURL(path.join(home, manifest.thread)).href, version: '1', state: 'active', allowed: true };
}

/** Any free port of loopback. */
export function loopbackPort(port = 0, name = ''): ContainerPort {
  return { name, port, addresses: [{ address: '127.0.0.1', port }] };
}

export class SocketBed {
  readonly bed: EngineBed;
  readonly #runtime: string;
  readonly #clients = new Set<Socket>();

  private constructor(bed: EngineBed, runtime: string) {
    this.bed = bed;
    this.#runtime = runtime;
  }

  static async create(runtime: string, options: Parameters<typeof EngineBed.create>[0] = {}): Promise<SocketBed> {
    return new SocketBed(await EngineBed.create({ runtimes: registryOf(await runtimeOf(runtime)), ...options }), runtime);
  }

  async fixture(name: string): Promise<Artifact> {
    return artifactOf(this.bed.directory, name, await readFile(path.join(socketFixtures, name)));
  }

  /** Starts a guest and waits until it says "ready". Answers its id and the port to connect to. */
  async serve(artifact: Artifact, args: readonly string[] = [], changes: Partial<ContainerConfig> = {}): Promise<{ id: string; port: number }> {
    const id = await this.bed.start(artifact, { runtime: this.#runtime, argv: [artifact.name, ...args], ports: [loopbackPort()], ...changes });
    await this.bed.logged(id, / F (ready|listening)\n/);
    return { id, port: this.bed.observe(id).ports![0]!.addresses[0]!.port };
  }

  /** A client; its errors are for whoever looks at it. One that is reset at once may not see that it was connected at all. */
  async connect(port: number): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.#clients.add(socket);
    socket.once('close', () => this.#clients.delete(socket));
    socket.on('error', () => {});
    await once(socket, 'connect').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') throw error;
    });
    return socket;
  }

  /** What the guest has printed, without the log's times; its first line, "ready", is left out. */
  async output(id: string): Promise<string> {
    return (await this.bed.log(id)).split('\n').flatMap((line) => (line === '' ? [] : [line.replace(/^\S+ \S+ F /, '')])).slice(1).join('\n');
  }

  /** Resolves when the guest has printed that line. */
  async printed(id: string, line: string): Promise<void> {
    while (!(await this.output(id)).split('\n').includes(line)) await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.bed.close();
  }
}

/** All bytes until the other side ends, or the error that ended it. Its own direction stays open. */
export async function everythingFrom(socket: Socket): Promise<Buffer | NodeJS.ErrnoException> {
  if (socket.errored !== null) return socket.errored;
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  try {
    await once(socket, 'end');
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  return Buffer.concat(pieces);
}
