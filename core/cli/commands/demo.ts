import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { WasmletError } from '../../api/errors.ts';
import type { Pod } from '../../api/kubernetes.ts';
import { LocalClient } from '../../server/local-client.ts';
import { systemClock } from '../../telemetry/system-clock.ts';
import type { CliContext } from '../context.ts';
import { LiveTable } from '../output/live-table.ts';
import { podColumns, podRow, summarizePod } from '../output/pod-summary.ts';

interface DemoOptions {
  readonly keep?: boolean;
}

interface DemoNode {
  readonly process: ChildProcess;
  readonly rootDirectory: string;
  readonly log: string;
}

/** The environment variable that each demo pod gets and prints: proof that its log is of this run. */
const tokenVariable = 'DEMO_TOKEN';
/** Long enough to be seen running. */
const lifetime = { name: 'HELLO_SLEEP_MS', value: '300' };
const deadlineMilliseconds = 30_000;

export function registerDemo(program: Command, context: CliContext): void {
  program
    .command('demo')
    .description('Run the example pods on a node without a cluster: four runtimes, and one pod with two of them.')
    .option('--keep', 'leave the node running, to try ps, logs and describe on it')
    .action(async ({ keep = false }: DemoOptions) => {
      const directory = await mkdtemp(path.join(os.tmpdir(), 'wasmlet-demo-'));
      const token = randomUUID();
      const expected = await writeManifests(context, path.join(directory, 'pods'), token);
      const node = await startNode(context, directory, keep);
      // Ctrl-C, or a pipe that was closed: what the demo started must not outlive it.
      const interrupted = (): void => process.exit(130);
      const abandoned = (): void => {
        node.process.kill('SIGKILL');
        rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
      };
      process.once('SIGINT', interrupted).once('SIGTERM', interrupted).once('exit', abandoned);
      try {
        const pods = await follow(context, node, expected);
        const failures = await showLogs(context, node, pods, token);
        for (const failure of failures) context.stderr.write(`wasmlet: ${failure}\n`);
        context.exit(failures.length === 0 ? 0 : 1);
      } finally {
        if (keep && node.process.exitCode === null) sayHowToGoOn(context, node, directory);
        else await end(node, directory);
        process.removeListener('SIGINT', interrupted).removeListener('SIGTERM', interrupted).removeListener('exit', abandoned);
      }
    });
}

/** Copies the example pods, each with this run's token in its environment. Answers how many there are. */
async function writeManifests(context: CliContext, directory: string, token: string): Promise<number> {
  const { parse, stringify } = await import('yaml');
  const examples = path.join(context.installation.examples, 'pods');
  await mkdir(directory);
  const files = (await readdir(examples)).filter((file) => file.endsWith('.yaml'));
  for (const file of files) {
    const pod = parse(await readFile(path.join(examples, file), 'utf8')) as Pod;
    for (const container of pod.spec.containers) container.env = [...(container.env ?? []), { name: tokenVariable, value: token }, lifetime];
    await writeFile(path.join(directory, file), stringify(pod));
  }
  return files.length;
}

async function startNode(context: CliContext, directory: string, keep: boolean): Promise<DemoNode> {
  const rootDirectory = path.join(directory, 'node');
  const log = path.join(directory, 'node.log');
  // What was prepared once need not be prepared again: the second demo is faster.
  const prepared = path.join(context.cacheDirectory, 'prepared');
  await mkdir(prepared, { recursive: true, mode: 0o700 });
  await mkdir(rootDirectory, { mode: 0o750 });
  await symlink(prepared, path.join(rootDirectory, 'prepared'));
  const output = await open(log, 'w', 0o600);
  const { root } = context.installation;
  const child = spawn(process.execPath, [path.join(root, 'bin', 'wasmlet.js'), 'node', '--standalone', '--manifests', path.join(directory, 'pods'), '--root-dir', rootDirectory, '--node-name', 'demo'], {
    stdio: ['ignore', output.fd, output.fd],
    detached: keep,
  });
  await output.close();
  if (keep) child.unref();
  return { process: child, rootDirectory, log };
}

/** Shows the pods until each has ended; answers them. */
async function follow(context: CliContext, node: DemoNode, expected: number): Promise<readonly Pod[]> {
  const live = new LiveTable(context.stdout, podColumns, [podColumns.indexOf('AGE')]);
  const deadline = systemClock.monotonic() + deadlineMilliseconds;
  let client: LocalClient | undefined;
  for (;;) {
    if (node.process.exitCode !== null || node.process.signalCode !== null) throw new WasmletError('NODE_UNREACHABLE', `the node ended (exit code ${node.process.exitCode}):\n${await readFile(node.log, 'utf8')}`);
    client ??= await LocalClient.find(node.rootDirectory).catch(() => undefined); // Not yet: it is starting.
    if (client !== undefined) {
      const [pods, sandboxes] = await Promise.all([client.pods(), client.sandboxes()]);
      const now = systemClock.now();
      const rows = pods.map((pod) => podRow(summarizePod(pod, sandboxes.find(({ uid }) => uid === pod.metadata.uid), now)));
      live.show(rows.sort(([, a = ''], [, b = '']) => a.localeCompare(b)));
      const ended = pods.filter(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');
      if (ended.length === expected || systemClock.monotonic() > deadline) return pods;
    }
    await systemClock.sleep(50);
  }
}

async function showLogs(context: CliContext, node: DemoNode, pods: readonly Pod[], token: string): Promise<string[]> {
  const client = await LocalClient.find(node.rootDirectory);
  const failures: string[] = [];
  for (const pod of pods) {
    const { name } = pod.metadata;
    if (pod.status?.phase !== 'Succeeded') failures.push(`${name} is ${pod.status?.phase ?? 'unknown'}: ${reasonOf(pod)}`);
    for (const container of pod.spec.containers) {
      context.stdout.write(`\n--- ${name} ${container.name}\n`);
      let text = '';
      try {
        for await (const chunk of client.logs(pod, container.name, new URLSearchParams())) text += chunk.toString();
      } catch (error) {
        failures.push(`${name}: no log of ${container.name}: ${(error as Error).message}`);
        continue;
      }
      context.stdout.write(text);
      if (!text.includes(token)) failures.push(`${name}: the log of ${container.name} does not carry this run's token`);
    }
  }
  return failures;
}

function reasonOf(pod: Pod): string {
  const states = (pod.status?.containerStatuses ?? []).map(({ name, state }) => {
    const { waiting, terminated } = state ?? {};
    return `${name}: ${waiting?.reason ?? terminated?.reason ?? 'running'} ${waiting?.message ?? terminated?.message ?? ''}`.trim();
  });
  return [pod.status?.reason, pod.status?.message, ...states].filter((text) => text !== undefined).join('; ');
}

function sayHowToGoOn(context: CliContext, node: DemoNode, directory: string): void {
  context.stdout.write(`
The node goes on (pid ${node.process.pid}). Try:
  $ npx wasmlet ps --root-dir ${node.rootDirectory}
  $ npx wasmlet logs --root-dir ${node.rootDirectory} hello-jco
  $ npx wasmlet describe --root-dir ${node.rootDirectory} hello-two-runtimes
End it with: kill ${node.process.pid}; its files stay in ${directory}
`);
}

async function end(node: DemoNode, directory: string): Promise<void> {
  if (node.process.exitCode === null && node.process.signalCode === null) {
    const exited = new Promise((resolve) => node.process.once('exit', resolve));
    node.process.kill('SIGTERM');
    await exited;
  }
  await rm(directory, { recursive: true, force: true });
}
