import { existsSync, realpathSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import type { Artifact } from '../../api/artifact.ts';
import type { AttachedStreams, ContainerObservation, Engine, Mount } from '../../api/engine.ts';
import { WasmletError } from '../../api/errors.ts';
import type { RuntimeRegistry } from '../../api/runtime.ts';
import type { SocketAddress } from '../../api/socket-address.ts';
import { fromFlag } from '../../config/flag-value.ts';
import { parseBytes } from '../../config/load-configuration.ts';
import { explainRefusal } from '../../pod/accept-artifact.ts';
import { isHttpService } from '../../pod/is-http-service.ts';
import type { PluginHost } from '../../plugin-host/plugin-host.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { systemClock } from '../../telemetry/system-clock.ts';
import type { CliContext } from '../context.ts';
import type { ImageOperand } from '../local/local-images.ts';
import { startLocalPlugins } from '../local/local-plugins.ts';
import { pluginsDirOption } from '../options/plugin-options.ts';
import type { PluginOptions } from '../options/plugin-options.ts';
import { formatAddress, parsePublishedPort } from '../options/published-ports.ts';
import { readArtifact } from '../local/program-file.ts';

interface RunOptions extends PluginOptions {
  readonly runtime?: string;
  readonly env?: readonly string[];
  readonly dir?: readonly string[];
  readonly memory?: string;
  readonly publish?: readonly string[];
  readonly hostNetwork?: boolean;
  readonly addr?: string;
}

const podUid = 'run';
/** wasmtime serve's port, on loopback only. */
const defaultServiceAddress: SocketAddress = { address: '127.0.0.1', port: 8080 };
/** For what a service has begun to answer when it is ended. */
const serviceGraceSeconds = 10;

export function registerRun(program: Command, context: CliContext): void {
  program
    .command('run')
    .description('Run one module or component in the engine that nodes use; stdin, stdout, stderr and the exit code pass through.')
    .argument('<program>', 'a .wasm file, an image reference, or oci-layout:DIR:NAME:TAG')
    .argument('[args...]', "the program's arguments")
    .option('--runtime <name>', 'the runtime to use (default: the first that accepts the program)')
    .option('--env <k=v>', 'set an environment variable; may be repeated', collect)
    .option('--dir <host::guest[:ro]>', 'give a directory; may be repeated', collect)
    .option('--memory <size>', 'bound on memory, such as 64Mi')
    .option('--addr <host:port>', 'serve HTTP there (default for HTTP services: 127.0.0.1:8080)')
    .option('-p, --publish <[addr:]port>', 'listen there, and give the program the listener (descriptors from 3 on); may be repeated; on loopback unless an address is given, on a free port for 0', collect)
    .option('--host-network', 'let the program reach this machine and its loopback, and listen on any port')
    .addOption(pluginsDirOption())
    .passThroughOptions()
    .addHelpText('after', `
The program sees nothing of this machine but what these options give it.

Examples:
  $ wasmlet run hello.wasm one two
  $ wasmlet run --dir ./data::/data:ro --env LANG=C wc.wasm /data/text
  $ wasmlet run -p 8080 server.wasm
  $ wasmlet run --runtime node-wasi registry.example.com/tools/hello:1`)
    .action(async (name: string, args: readonly string[], options: RunOptions) => {
      context.exit(await run(context, name, args, options));
    });
}

function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

async function run(context: CliContext, name: string, args: readonly string[], options: RunOptions): Promise<number> {
  const env = (options.env ?? []).map(parseVariable);
  const mounts = (options.dir ?? []).map(parseMount);
  const memoryBytes = options.memory === undefined ? undefined : parseMemory(options.memory);
  const address = options.addr === undefined ? undefined : parseAddress(options.addr);
  const published = (options.publish ?? []).map(parsePublishedPort);
  const logger = createLogger('warn');
  const operand = existsSync(name) ? undefined : await imageOperand(name);
  const plugins = await startLocalPlugins(context, { ...options, logger, configuration: {
    'image-oci': { registries: operand?.registries ?? [] },
    ...(options.hostNetwork === true ? { 'runtime-jco': { network: { allow: ['0.0.0.0/0', '::/0'], listen: true } } } : {}),
  } });
  const artifact = operand === undefined ? await readArtifact(name) : await pullArtifact(context, operand.reference, plugins);
  const runtime = chooseRuntime(plugins.runtimes, artifact, options.runtime);
  const service = isHttpService(artifact.inspection);
  const listensAt = address ?? (service && published.length === 0 ? defaultServiceAddress : undefined);
  const ports = [...(listensAt === undefined ? [] : [{ name: service ? 'http' : '', port: listensAt.port, addresses: [listensAt] }]), ...published];

  const { WasmEngine } = await import('../../engine/engine.ts');
  const directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-run-'));
  const engine = new WasmEngine({
    rootDirectory: context.cacheDirectory,
    runtimes: plugins.runtimes,
    clock: systemClock,
    logger,
    threadEntry: context.installation.threadEntry,
    compileCache: context.installation.compileCache,
    maxThreads: 1,
    warmThreads: 0,
  });
  try {
    await engine.runPodSandbox({ uid: podUid, name: podUid, namespace: podUid, directory: path.join(directory, podUid) });
    const id = await engine.createContainer({
      podUid,
      name: 'main',
      attempt: 0,
      kind: 'main',
      hash: '',
      image: name,
      imageId: artifact.digest,
      artifact,
      runtime,
      isolation: 'dedicated',
      // There is no second attempt that could have it.
      stack: 'deep',
      argv: [artifact.name, ...args],
      env,
      cwd: '',
      mounts,
      ports,
      resources: { ...(memoryBytes === undefined ? {} : { memoryBytes }), descriptors: 1024 },
      stdin: true,
      tty: context.stdin.isTTY === true && context.stdout.isTTY === true,
    });
    return await supervise(context, engine, id, { service, publishes: ports.length > 0 });
  } finally {
    await engine.stop(0);
    await plugins.stop();
    await rm(directory, { recursive: true, force: true });
    // What the guest has not read of our stdin must not keep the process.
    context.stdin.destroy();
  }
}

async function supervise(context: CliContext, engine: Engine, id: string, { service, publishes }: { readonly service: boolean; readonly publishes: boolean }): Promise<number> {
  const observe = (): ContainerObservation => engine.podSandbox(podUid)!.containers.find((container) => container.id === id)!;
  const begun = Promise.withResolvers<void>();
  const output = pass(context, await engine.attach(id), begun.promise);
  const stop = (): void => void engine.stopContainer(id, service ? serviceGraceSeconds : 1);
  const kill = (): void => void engine.stopContainer(id, 0);
  // A service answers what has begun; whoever does not want to wait for that says so once more.
  const interrupt = (): void => {
    if (service) stop();
    else kill();
    process.removeListener('SIGINT', interrupt).once('SIGINT', kill);
  };
  process.once('SIGTERM', stop).once('SIGINT', interrupt);
  try {
    await engine.startContainer(id);
    for await (const { type } of engine.events()) {
      if (publishes && type === 'container-started') announce(context, observe(), service);
      begun.resolve();
      if (type === 'container-exited') break;
    }
    await output;
  } finally {
    process.removeListener('SIGTERM', stop).removeListener('SIGINT', interrupt).removeListener('SIGINT', kill);
  }
  const { exit } = observe();
  if (exit?.message !== undefined && exit.reason !== 'Completed') context.stderr.write(`wasmlet: ${exit.reason}: ${exit.message}\n`);
  return exit!.code;
}

/** Said when the program runs: from then on somebody answers, or will. */
function announce(context: CliContext, { ports = [] }: ContainerObservation, service: boolean): void {
  if (ports.length === 0) context.stderr.write('wasmlet: nobody listens: this program accepts no connections\n');
  for (const address of ports.flatMap(({ addresses }) => addresses)) {
    context.stderr.write(service ? `serving http://${formatAddress(address)}/\n` : `wasmlet: listening on ${formatAddress(address)}\n`);
  }
}

/** Resolves when all output has been handed to this process' own streams. `begun`: nothing is shown before. */
async function pass(context: CliContext, streams: AttachedStreams, begun: Promise<void>): Promise<void> {
  void Readable.toWeb(context.stdin).pipeTo(streams.stdin as never).catch(() => {
    // The guest has ended, or closed its stdin: what is typed now has no reader.
  });
  await begun;
  await Promise.all([
    streams.stdout.pipeTo(Writable.toWeb(context.stdout) as WritableStream<Uint8Array>, { preventClose: true }),
    streams.stderr.pipeTo(Writable.toWeb(context.stderr) as WritableStream<Uint8Array>, { preventClose: true }),
  ]);
}

async function imageOperand(name: string): Promise<ImageOperand> {
  if (/\.wasm$|^[./~]/.test(name)) throw new WasmletError('NOT_FOUND', `there is no file ${name}`);
  const { parseOperand } = await import('../local/local-images.ts');
  return parseOperand(name, {});
}

async function pullArtifact(context: CliContext, reference: string, plugins: PluginHost): Promise<Artifact> {
  const { openImageStore, userCredentials } = await import('../local/local-images.ts');
  const images = openImageStore(context, plugins);
  const { image } = await images.pull({ reference, credentials: await userCredentials(context, reference) }, new AbortController().signal);
  return image.artifact;
}

function chooseRuntime(runtimes: RuntimeRegistry, artifact: Artifact, named: string | undefined): string {
  const list = runtimes.list();
  if (named !== undefined) {
    const runtime = runtimes.get(named);
    if (runtime === undefined) throw new WasmletError('RUNTIME_UNKNOWN', `there is no runtime ${named}; there are ${list.map(({ manifest }) => manifest.name).join(', ')}`);
    if (runtime.state === 'inactive') throw new WasmletError('RUNTIME_INACTIVE', `the runtime ${named} is not active: ${runtime.reason}`);
    const refusal = explainRefusal(runtime.manifest, artifact.inspection);
    if (refusal !== undefined) throw new WasmletError('RUNTIME_NOT_ACCEPTING', `the runtime ${named} does not accept ${artifact.name}: ${refusal}`);
    return named;
  }
  const refusals = [];
  for (const { manifest, state } of list) {
    const refusal = state === 'inactive' ? 'it is not active' : explainRefusal(manifest, artifact.inspection);
    if (refusal === undefined) return manifest.name;
    refusals.push(`${manifest.name}: ${refusal}`);
  }
  throw new WasmletError('RUNTIME_NOT_ACCEPTING', `no runtime accepts ${artifact.name} (${refusals.join('; ')})`);
}

function parseAddress(text: string): SocketAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const [, v6, v4 = '', port] = match ?? [];
  const address = v6 ?? (v4 === 'localhost' ? '127.0.0.1' : v4);
  if (isIP(address) === 0 || Number(port) > 65_535) throw new WasmletError('USAGE', `--addr ${text}: give ADDRESS:PORT, such as 127.0.0.1:8080 or [::]:8080`);
  return { address, port: Number(port) };
}

function parseMemory(text: string): number {
  return fromFlag(() => parseBytes(text, '--memory'));
}

function parseVariable(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new WasmletError('USAGE', `--env ${text}: give NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function parseMount(text: string): Mount {
  const match = /^(.+?)::(\/[^:]*)(?::(ro|rw))?$/.exec(text);
  if (!match) throw new WasmletError('USAGE', `--dir ${text}: give HOST::GUEST or HOST::GUEST:ro, the guest's path beginning with /`);
  const [, host, guestPath, mode] = match;
  if (!statSync(host!, { throwIfNoEntry: false })?.isDirectory()) throw new WasmletError('USAGE', `--dir ${text}: ${host} is not a directory`);
  return { hostPath: realpathSync(host!), guestPath: guestPath!, readOnly: mode === 'ro' };
}
