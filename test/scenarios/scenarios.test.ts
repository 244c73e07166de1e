/** Plays every scenario of this folder against its golden trace. `node test/scenarios/scenarios.test.ts --rewrite` writes the traces anew. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMap, isSeq, parseDocument, Scalar } from 'yaml';
import { playScenario, type Scenario } from './scenario.ts';

const directory = import.meta.dirname;
const rewrite = process.argv.includes('--rewrite');

for (const file of readdirSync(directory).filter((name) => name.endsWith('.yaml')).sort()) {
  test(`scenario ${file.replace('.yaml', '').replaceAll('-', ' ')}`, async () => {
    const path = join(directory, file);
    const document = parseDocument(readFileSync(path, 'utf8'));
    const scenario = document.toJS() as Scenario;
    const traces = await playScenario(scenario);
    if (rewrite) {
      const steps = document.get('steps');
      if (!isSeq(steps)) throw new Error(`${file} has no steps`);
      for (const [index, item] of steps.items.entries()) {
        if (!isMap(item)) throw new Error(`step ${index} of ${file} is no map`);
        const trace = new Scalar(traces[index]);
        trace.type = Scalar.BLOCK_LITERAL;
        item.set('trace', trace);
      }
      writeFileSync(path, document.toString({ lineWidth: 0 }));
      return;
    }
    assert.deepEqual(scenario.steps.map((step, index) => ({ do: step.do, trace: traces[index] })), scenario.steps);
  });
}
