import { type ApiRequests, countApiRequests, requestsBetween } from '../harness/api-requests.ts';
import { LeaseWatch } from '../harness/lease-watch.ts';
import { type BenchmarkNode, type NodeKind } from '../harness/nodes.ts';
import { createPod, deletePod, podForms, type PodForm, podObject } from '../harness/pods.ts';
import type { Measurement } from '../harness/results.ts';
import type { TestBed } from '../harness/test-bed.ts';
import type { ClusterSuite } from './suite.ts';

const warmUpPods = 50;

interface Cell {
  readonly node: BenchmarkNode;
  readonly form: PodForm;
  readonly batches: Batch[];
}

interface Batch {
  readonly seconds: number;
  /** While it ran, the creates of the pods left out. */
  readonly requests: ApiRequests;
}

/** How many short pods a node gets done: pods whose program exits at once, all created at once. */
export const churn: ClusterSuite = {
  bed: 'cluster',
  description: 'pods per second from the first create until a watch shows the last one Succeeded; all created at once, with room for all on the node',
  defaults: { n: 5, pods: 500 },
  parameters: ({ n, pods }) => ({ n, pods }),
  async run(bed, { n, pods }) {
    const nodes: BenchmarkNode[] = [];
    const leases: LeaseWatch[] = [];
    let stopped: Promise<(readonly [BenchmarkNode, number])[]> | undefined;
    const stop = (): NonNullable<typeof stopped> =>
      (stopped ??= Promise.all(
        nodes.map(async (node, index) => {
          const gap = leases[index]?.stop() ?? 0;
          await node.stop();
          return [node, gap] as const;
        }),
      ));
    try {
      // The warm-up's pods may still be going.
      for (const kind of bed.kinds) nodes.push(await bed.startNode(kind, { maxPods: pods + warmUpPods, loopDelay: true }));
      const cells: Cell[] = nodes.flatMap((node) => podForms.map((form) => ({ node, form, batches: [] })));
      for (const cell of cells) await batch(bed, 'warm-up', cell, warmUpPods);
      for (const node of nodes) {
        node.forgetLoopDelay();
        leases.push(await LeaseWatch.start(bed.client, node.name));
      }
      for (let round = 0; round < n; round += 1) {
        bed.progress(`churn: ${round} of ${n} rounds done`);
        for (const cell of round % 2 === 0 ? cells : cells.toReversed()) cell.batches.push(await batch(bed, String(round), cell, pods));
      }
      const held = await stop();
      return [
        ...cells.flatMap((cell) => rows(cell, pods)),
        ...ratios(cells, pods),
        ...(await Promise.all(held.map(([node, gap]) => health(node, gap)))).flat(),
      ];
    } finally {
      await stop();
    }
  },
};

/** Runs the pods and clears them away; only the running counts. */
async function batch(bed: TestBed, round: string, { node, form }: Cell, pods: number): Promise<Batch> {
  const names = Array.from({ length: pods }, (_, index) => `churn-${node.name}-${form}-${round}-${index}`);
  const before = await countApiRequests(bed.client);
  const started = performance.now();
  const ends = await Promise.all(
    names.map(async (name) => {
      await createPod(bed.client, podObject(name, node.name, form, 'exit', bed.images));
      return bed.watch.seen(name, 'Succeeded');
    }),
  );
  const seconds = (Math.max(...ends) - started) / 1000;
  const requests = new Map(requestsBetween(before, await countApiRequests(bed.client)));
  requests.delete('POST pods');
  await Promise.all(
    names.map(async (name) => {
      await deletePod(bed.client, name);
      await bed.watch.seen(name, 'gone');
    }),
  );
  return { seconds, requests };
}

function rows({ node, form, batches }: Cell, pods: number): Measurement[] {
  const row = (metric: string, unit: Measurement['unit'], of: (batch: Batch) => number): Measurement => ({
    metric, unit, subject: node.kind, variant: form, samples: batches.map(of),
  });
  const sum = (requests: ApiRequests, chosen: (key: string) => boolean): number => [...requests].reduce((total, [key, count]) => total + (chosen(key) ? count : 0), 0);
  return [
    row('created to Succeeded', 'pods/s', ({ seconds }) => pods / seconds),
    row('status writes', '/pod', ({ requests }) => sum(requests, (key) => key === 'PATCH pods/status') / pods),
    row('events', '/pod', ({ requests }) => sum(requests, (key) => / events$/.test(key)) / pods),
    row('token requests', '/pod', ({ requests }) => sum(requests, (key) => key === 'POST serviceaccounts/token') / pods),
    row('API requests', '/s', ({ requests, seconds }) => sum(requests, () => true) / seconds),
  ];
}

/** Pods per second over the null node's in the same round: the machine's mood is the same for both. */
function ratios(cells: readonly Cell[], pods: number): Measurement[] {
  return podForms.flatMap((form) => {
    const of = (kind: NodeKind): readonly Batch[] | undefined => cells.find((cell) => cell.node.kind === kind && cell.form === form)?.batches;
    const base = of('null');
    const ours = of('wasmlet');
    if (base === undefined || ours === undefined) return [];
    const samples = ours.map(({ seconds }, round) => pods / seconds / (pods / base[round]!.seconds));
    return [{ metric: 'pods/s over the null node’s', unit: '×' as const, subject: 'wasmlet ÷ null', variant: form, samples }];
  });
}

/** Of the node as a whole, over all rounds. */
async function health(node: BenchmarkNode, leaseGap: number): Promise<Measurement[]> {
  const delay = await node.loopDelay();
  const row = (metric: string, unit: Measurement['unit'], value: number): Measurement => ({ metric, unit, subject: node.kind, variant: 'all', samples: [value] });
  return [
    row('longest gap between lease renewals', 's', leaseGap),
    ...(delay === undefined ? [] : [row('main-loop delay, p99', 'ms', delay.p99), row('main-loop delay, longest', 'ms', delay.max)]),
  ];
}
