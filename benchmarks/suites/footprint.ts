import { setTimeout as sleep } from 'node:timers/promises';
import { readUsage } from '../harness/process-tree.ts';
import type { Measurement } from '../harness/results.ts';
import type { ClusterSuite } from './suite.ts';

/** What a joined node without pods costs. The null node shows what Node and a watch cost alone, run from sources. */
export const footprint: ClusterSuite = {
  bed: 'cluster',
  description: 'an idle joined node: start to Ready, then memory (PSS of the process tree) and CPU time once it has settled',
  defaults: { n: 1, settle: 60 },
  parameters: ({ n, settle }) => ({ n, settle }),
  async run(bed, { n, settle }) {
    const measurements: Measurement[] = [];
    for (const kind of bed.kinds) {
      // The first start compiles; it is what a fresh installation shows.
      const first = await bed.startNode(kind);
      await first.stop();
      const started: number[] = [];
      const memory: number[] = [];
      const startCpu: number[] = [];
      const idleCpu: number[] = [];
      for (let round = 0; round < n; round += 1) {
        bed.progress(`footprint: ${kind}, ${round} of ${n} rounds done`);
        const node = await bed.startNode(kind);
        try {
          const ready = await readUsage(node.pid);
          await sleep(settle * 1000);
          const settled = await readUsage(node.pid);
          started.push(node.readyMilliseconds);
          memory.push(settled.pssBytes / 2 ** 20);
          startCpu.push(ready.cpuSeconds * 1000);
          idleCpu.push((settled.cpuSeconds - ready.cpuSeconds) * 1000);
        } finally {
          await node.stop();
        }
      }
      const row = (metric: string, unit: Measurement['unit'], samples: number[]): Measurement => ({ metric, unit, subject: kind, variant: 'none', samples });
      measurements.push(
        row('first start to Ready', 'ms', [first.readyMilliseconds]),
        row('start to Ready', 'ms', started),
        row('CPU time until Ready', 'ms', startCpu),
        row(`memory ${settle} s after Ready`, 'MiB', memory),
        row(`CPU time in these ${settle} s`, 'ms', idleCpu),
      );
    }
    return measurements;
  },
};
