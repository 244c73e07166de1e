import { type NodeKind } from '../harness/nodes.ts';
import { createPod, deletePod, podForms, type PodForm, podObject } from '../harness/pods.ts';
import type { Measurement } from '../harness/results.ts';
import type { TestBed } from '../harness/test-bed.ts';
import type { ClusterSuite } from './suite.ts';

const warmUpRounds = 3;

/** How long a pod takes to run, when nothing else happens: one pod at a time, the nodes side by side. */
export const start: ClusterSuite = {
  bed: 'cluster',
  description: 'ms from the request that creates a pod until a watch shows it Running; one at a time, image present',
  defaults: { n: 60 },
  parameters: ({ n }) => ({ n }),
  async run(bed, { n }) {
    const nodes = [];
    try {
      for (const kind of bed.kinds) nodes.push(await bed.startNode(kind));
      const cells = nodes.flatMap(({ kind, name }) => podForms.map((form) => ({ kind, name, form, samples: [] as number[] })));
      for (let round = -warmUpRounds; round < n; round += 1) {
        if (round % 10 === 0) bed.progress(`start: ${Math.max(round, 0)} of ${n} rounds done`);
        // Whoever comes first in one round comes last in the next.
        for (const cell of round % 2 === 0 ? cells : cells.toReversed()) {
          const milliseconds = await startOnce(bed, cell.name, cell.form, round);
          if (round >= 0) cell.samples.push(milliseconds);
        }
      }
      return cells.map(({ kind, form, samples }) => measurement(kind, form, samples)).concat(overNull(cells));
    } finally {
      for (const node of nodes) await node.stop();
    }
  },
};

async function startOnce(bed: TestBed, node: string, form: PodForm, round: number): Promise<number> {
  const name = `start-${node}-${form}-${round + warmUpRounds}`;
  const created = performance.now();
  await createPod(bed.client, podObject(name, node, form, 'sleep', bed.images));
  const running = await bed.watch.seen(name, 'Running');
  await deletePod(bed.client, name);
  await bed.watch.seen(name, 'gone');
  return running - created;
}

interface Cell {
  readonly kind: NodeKind;
  readonly form: PodForm;
  readonly samples: readonly number[];
}

/** What wasmlet adds to the null node, round by round: the machine's mood is the same for both. */
function overNull(cells: readonly Cell[]): Measurement[] {
  return podForms.flatMap((form) => {
    const of = (kind: NodeKind): readonly number[] | undefined => cells.find((cell) => cell.kind === kind && cell.form === form)?.samples;
    const base = of('null');
    const ours = of('wasmlet');
    return base && ours ? [measurement('wasmlet − null', form, ours.map((value, round) => value - base[round]!))] : [];
  });
}

function measurement(subject: string, form: PodForm, samples: readonly number[]): Measurement {
  return { metric: 'created to Running', unit: 'ms', subject, variant: form, samples };
}
