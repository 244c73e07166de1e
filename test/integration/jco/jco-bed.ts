import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Artifact } from '../../../core/api/artifact.ts';
import type { ContainerConfig, ContainerExit } from '../../../core/api/engine.ts';
import type { RegisteredRuntime } from '../../../core/api/runtime.ts';
import { inspect } from '../../../core/wasm/inspect.ts';
import { createHash } from 'node:crypto';
import { EngineBed, registryOf } from '../../support/engine-bed.ts';

const root = path.join(import.meta.dirname, '../../..');

const jco: RegisteredRuntime = {
  manifest: { name: 'jco', accepts: [{ kind: 'component', worlds: ['wasi:cli/command@^0.2.0'] }], isolation: ['dedicated'], thread: './thread.ts', features: { listeners: ['wasi:sockets/tcp-create-socket'] } },
  pluginId: 'runtime-jco',
  threadUrl: pathToFileURL(path.join(root, 'runtimes/jco/thread.ts')).href,
  version: '1',
  state: 'active',
  allowed: true,
};

export interface EndedGuest {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: ContainerExit;
}

export type GuestRun = Partial<Omit<ContainerConfig, 'stdin'>> & { readonly stdin?: string };

/** A real engine that runs the components of test/fixtures/wasi02. */
export class JcoBed {
  readonly engine: EngineBed;

  private constructor(engine: EngineBed) {
    this.engine = engine;
  }

  /** @param configuration the plugin's section of the node's configuration */
  static async create(configuration: Readonly<Record<string, unknown>> = {}): Promise<JcoBed> {
    return new JcoBed(await EngineBed.create({ runtimes: registryOf({ ...jco, configuration }) }));
  }

  get directory(): string {
    return this.engine.directory;
  }

  async artifact(guest: string): Promise<Artifact> {
    const file = path.join(root, 'test/fixtures/wasi02', `${guest}.wasm`);
    const bytes = await readFile(file);
    const digest = createHash('sha256').update(bytes).digest('hex');
    return { kind: 'component', digest: `sha256:${digest}`, path: file, name: `${guest}.wasm`, sizeBytes: bytes.length, inspection: inspect(bytes) };
  }

  /** Starts the guest, waits for its end and gives what it wrote, whole. */
  async run(guest: string, { stdin = '', ...changes }: GuestRun): Promise<EndedGuest> {
    const config = await this.engine.config(await this.artifact(guest), { runtime: 'jco', ...changes, stdin: true });
    const { logPath: _, ...withoutLog } = config;
    const id = await this.engine.engine.createContainer(withoutLog);
    const streams = await this.engine.engine.attach(id);
    await this.engine.engine.startContainer(id);
    const writer = streams.stdin.getWriter();
    // A guest that does not read its stdin may be gone before it is written.
    const written = writer.write(Buffer.from(stdin)).then(() => writer.close()).catch(() => {});
    const [stdout, stderr] = await Promise.all([streams.stdout, streams.stderr].map(collect));
    await written;
    return { stdout: stdout!, stderr: stderr!, exit: (await this.engine.ended(id)).exit! };
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream)).toString();
}
