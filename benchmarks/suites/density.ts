import { mkdtemp } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../core/api/kubernetes.ts';
import type { LocalClient } from '../../core/server/local-client.ts';
import type { LocalBed } from '../harness/local-bed.ts';
import { readUsage } from '../harness/process-tree.ts';
import type { Measurement } from '../harness/results.ts';
import { startStandaloneNode, type StandaloneNode } from '../harness/standalone-node.ts';
import type { LocalSuite, SuiteOptions } from './suite.ts';

/** For the node without pods to come to rest, and for guests to have given back what their start left. */
const restSeconds = 10;
/** Of pods, whose logs are read. */
const logSamples = 20;
/** Without one more pod that runs. */
const stuckMilliseconds = 30_000;

/** The C program of examples/hello: it writes three lines and sleeps. */
const program = { name: 'hello', sleep: { name: 'HELLO_SLEEP_MS', value: '3600000' }, line: 'hello from stdout!' };

/** How many pods a node holds, and what each costs it: memory over the node's own, time to start, CPU time of doing nothing. */
export const density: LocalSuite = {
  bed: 'local',
  description: 'many idle pods of a C program on a standalone node: memory of each over the empty node (PSS), all Running, CPU of the idle node, statistics, logs',
  defaults: { n: 1, pods: 100, settle: 60, class: 'dedicated' },
  parameters: ({ n, pods, settle, class: isolation }) => ({ n, pods, settle, class: isolation }),
  async run(bed, options) {
    const rounds: Readonly<Record<string, Measurement['unit']>> = {
      'all Running after': 's', 'memory of a pod': 'kiB', 'memory of the empty node': 'MiB', 'CPU time of a start': 'ms', 'CPU of the idle node': '%',
      'reading all statistics in the node': 'ms', 'status of all pods, asked for': 'ms', 'log of a pod, asked for': 'ms', 'memory maps': '/pod', 'open files': '/pod',
    };
    const samples = new Map(Object.keys(rounds).map((metric) => [metric, [] as number[]]));
    for (let round = 0; round < options.n; round += 1) {
      bed.progress(`density: ${round} of ${options.n} rounds done`);
      for (const [metric, value] of Object.entries(await measureRound(bed, options))) samples.get(metric)!.push(value);
    }
    return [...samples].map(([metric, values]) => ({ metric, unit: rounds[metric]!, subject: 'wasmlet', variant: options.class, samples: values }));
  },
};

async function measureRound({ directory, release, progress }: LocalBed, { pods: count, settle, class: isolation }: SuiteOptions): Promise<Record<string, number>> {
  const place = await mkdtemp(join(directory, 'round-'));
  const layout = join(place, 'images');
  await release.command('push', join(import.meta.dirname, '../../examples/hello/hello.wasm'), `oci-layout:${layout}:${program.name}:1`);
  const node = await startStandaloneNode({
    release,
    directory: place,
    configuration: { maxPods: count + 10, registries: [{ prefix: 'bench.local', mirror: `oci-layout:${layout}` }], logLevel: 'warn' },
  });
  try {
    await sleep(restSeconds * 1000);
    const empty = { ...(await readUsage(node.pid)), ...readProcess(node.pid) };
    const begun = performance.now();
    await node.want(Array.from({ length: count }, (_, index) => manifest(index, isolation)));
    await untilRunning(node, count, progress);
    const started = performance.now() - begun;
    await sleep(restSeconds * 1000);
    const full = { ...(await readUsage(node.pid)), ...readProcess(node.pid) };
    await sleep(settle * 1000);
    const settled = await readUsage(node.pid);
    const each = (what: 'pssBytes' | 'maps' | 'files'): number => (full[what] - empty[what]) / count;
    const { readMilliseconds } = await node.client.statsReading();
    const [statusMilliseconds, pods] = await timed(() => node.client.pods());
    return {
      'all Running after': started / 1000,
      'memory of a pod': (settled.pssBytes - empty.pssBytes) / count / 2 ** 10,
      'memory of the empty node': empty.pssBytes / 2 ** 20,
      'CPU time of a start': ((full.cpuSeconds - empty.cpuSeconds) * 1000) / count,
      'CPU of the idle node': ((settled.cpuSeconds - full.cpuSeconds) / settle) * 100,
      'reading all statistics in the node': readMilliseconds,
      'status of all pods, asked for': statusMilliseconds,
      'log of a pod, asked for': await readLogs(node, pods),
      'memory maps': each('maps'),
      'open files': each('files'),
    };
  } finally {
    await node.stop();
  }
}

function manifest(index: number, isolation: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `idle-${index}`, annotations: { 'wasmlet.dev/isolation': isolation } },
    spec: { containers: [{ name: 'main', image: `bench.local/${program.name}:1`, imagePullPolicy: 'IfNotPresent', env: [program.sleep] }] },
  };
}

async function untilRunning(node: StandaloneNode, count: number, progress: (line: string) => void): Promise<void> {
  let [before, movedAt] = [0, performance.now()];
  for (;;) {
    const running = await runningPods(node.client);
    if (running === count) return;
    if (running > before) [before, movedAt] = [running, performance.now()];
    if (performance.now() > movedAt + stuckMilliseconds) throw new Error(`${running} of ${count} pods run; one that does not: ${JSON.stringify((await node.client.pods()).find(({ status }) => status?.phase !== 'Running'))}`);
    progress(`density: ${running} of ${count} pods run`);
    // Asking is a load, and larger the more there are.
    await sleep(200 + count / 10);
  }
}

/** By the node's own metric: the statuses of thousands of pods, asked for again and again, would be what is measured. */
async function runningPods(client: LocalClient): Promise<number> {
  return Number(/^kubelet_running_pods (\d+)$/m.exec(await client.metrics())?.[1] ?? 0);
}

/** Median milliseconds; throws when a log does not hold what its guest wrote. */
async function readLogs(node: StandaloneNode, pods: readonly Pod[]): Promise<number> {
  const times: number[] = [];
  const step = Math.max(1, Math.floor(pods.length / logSamples));
  for (let index = 0; index < pods.length; index += step) {
    const [milliseconds, text] = await timed(async () => {
      let all = '';
      for await (const chunk of node.client.logs(pods[index]!, 'main', new URLSearchParams())) all += chunk.toString();
      return all;
    });
    if (!text.includes(program.line)) throw new Error(`the log of pod ${pods[index]!.metadata.name} is ${JSON.stringify(text)}`);
    times.push(milliseconds);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const begun = performance.now();
  const result = await work();
  return [performance.now() - begun, result];
}

function readProcess(pid: number): { readonly maps: number; readonly files: number } {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').length - 1;
  return { maps, files: readdirSync(`/proc/${pid}/fd`).length };
}
