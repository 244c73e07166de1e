import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { guestNiceness } from '../../core/guest/protocol.ts';
import { type BenchmarkNode } from '../harness/nodes.ts';
import { createPod, deletePod, podForms, type PodForm, podObject } from '../harness/pods.ts';
import type { TestBed } from '../harness/test-bed.ts';
import type { ClusterSuite } from './suite.ts';

const warmUpRounds = 3;
/** From Running to the delete: the pod has settled, as one that is deleted some day has. */
const settleMilliseconds = 100;

/** How long a sleeping pod takes to go: one at a time, the nodes side by side. */
export const deletion: ClusterSuite = {
  bed: 'cluster',
  description: "ms from the request that deletes a sleeping pod until a watch shows it gone, and its guest's thread is gone too; one at a time, no hooks",
  defaults: { n: 60 },
  parameters: ({ n }) => ({ n }),
  async run(bed, { n }) {
    const nodes: BenchmarkNode[] = [];
    try {
      for (const kind of bed.kinds) nodes.push(await bed.startNode(kind));
      const cells = nodes.flatMap((node) => podForms.map((form) => ({ node, form, samples: [] as number[] })));
      for (let round = -warmUpRounds; round < n; round += 1) {
        if (round % 10 === 0) bed.progress(`delete: ${Math.max(round, 0)} of ${n} rounds done`);
        for (const cell of round % 2 === 0 ? cells : cells.toReversed()) {
          const milliseconds = await deleteOnce(bed, cell.node, cell.form, round);
          if (round >= 0) cell.samples.push(milliseconds);
        }
      }
      return cells.map(({ node, form, samples }) => ({ metric: 'delete to gone', unit: 'ms' as const, subject: node.kind, variant: form, samples }));
    } finally {
      for (const node of nodes) await node.stop();
    }
  },
};

async function deleteOnce(bed: TestBed, node: BenchmarkNode, form: PodForm, round: number): Promise<number> {
  const name = `delete-${node.name}-${form}-${round + warmUpRounds}`;
  await createPod(bed.client, podObject(name, node.name, form, 'sleep', bed.images));
  await bed.watch.seen(name, 'Running');
  await sleep(settleMilliseconds);
  const started = performance.now();
  await deletePod(bed.client, name);
  let gone = await bed.watch.seen(name, 'gone');
  while ((await guestThreads(node.pid)) > 0) {
    await sleep(1);
    gone = performance.now();
  }
  return gone - started;
}

/** Threads of the process that have a guest: they alone run at its priority. */
async function guestThreads(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => '')));
  // proc(5): the nice value is field 19, the 17th behind the name.
  return stats.filter((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]) >= guestNiceness).length;
}
