import { createPod, deletePod, podForms, type PodForm, podObject } from '../harness/pods.ts';
import type { TestBed } from '../harness/test-bed.ts';
import type { ClusterSuite } from './suite.ts';

/** Below a node's 110 pods: what counts is the node's speed, not its capacity. */
const inFlight = 50;

/** How many short pods a node gets done: a batch of pods whose program exits at once, so many at a time. */
export const churn: ClusterSuite = {
  bed: 'cluster',
  description: `pods per second from the first create until a watch shows the last one Succeeded; ${inFlight} in flight`,
  defaults: { n: 5, pods: 200 },
  parameters: ({ n, pods }) => ({ n, pods, inFlight }),
  async run(bed, { n, pods }) {
    const nodes = [];
    try {
      for (const kind of bed.kinds) nodes.push(await bed.startNode(kind));
      const cells = nodes.flatMap(({ kind, name }) => podForms.map((form) => ({ kind, name, form, samples: [] as number[] })));
      for (const { name, form } of cells) await batch(bed, `churn-${name}-${form}-warm-up`, name, form, inFlight);
      for (let round = 0; round < n; round += 1) {
        bed.progress(`churn: ${round} of ${n} rounds done`);
        for (const cell of round % 2 === 0 ? cells : cells.toReversed()) {
          cell.samples.push(await batch(bed, `churn-${cell.name}-${cell.form}-${round}`, cell.name, cell.form, pods));
        }
      }
      return cells.map(({ kind, form, samples }) => ({
        metric: 'created to Succeeded',
        unit: 'pods/s' as const,
        subject: kind,
        variant: form,
        samples,
      }));
    } finally {
      for (const node of nodes) await node.stop();
    }
  },
};

/** Runs the pods and clears them away; only the running counts. Returns pods per second. */
async function batch(bed: TestBed, prefix: string, node: string, form: PodForm, pods: number): Promise<number> {
  const names = Array.from({ length: pods }, (_, index) => `${prefix}-${index}`);
  const started = performance.now();
  let ended = started;
  await inParallel(names, async (name) => {
    await createPod(bed.client, podObject(name, node, form, 'exit', bed.images));
    ended = Math.max(ended, await bed.watch.seen(name, 'Succeeded'));
  });
  await inParallel(names, async (name) => {
    await deletePod(bed.client, name);
    await bed.watch.seen(name, 'gone');
  });
  return pods / ((ended - started) / 1000);
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const lane = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}
