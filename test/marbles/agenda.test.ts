import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Agenda, type Due } from '../../core/pipeline/agenda.ts';
import { VirtualClock } from '../support/kubelet/virtual-clock.ts';

interface Item extends Due {
  readonly name: string;
}

const settle = async (): Promise<void> => {};
const item = (name: string): Item => ({ name, dueAt: 0, place: -1 });

function bench() {
  const clock = new VirtualClock();
  const begin = clock.monotonic();
  const rung: string[] = [];
  const agenda = new Agenda<Item>(clock, ({ name }) => rung.push(`${clock.monotonic() - begin} ${name}`));
  return { clock, rung, agenda };
}

describe('the agenda', () => {
  test('calls each when it is due, whatever the order in which they were set', async () => {
    const { clock, rung, agenda } = bench();
    for (const due of [50, 10, 40, 20, 60, 30]) agenda.set(item(`at ${due}`), due);
    await clock.advance(100, settle);
    assert.deepEqual(rung, ['10 at 10', '20 at 20', '30 at 30', '40 at 40', '50 at 50', '60 at 60']);
  });

  test('keeps the order of hundreds that are set, moved and deleted at random', async () => {
    const { clock, rung, agenda } = bench();
    const items = Array.from({ length: 300 }, (_, index) => item(String(index)));
    const expected = new Map<string, number>();
    // Numerical Recipes' generator: the same sequence in every run.
    let seed = 1;
    const next = (below: number): number => (seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32) % below;
    for (let step = 0; step < 2000; step += 1) {
      const chosen = items[next(items.length)]!;
      if (next(4) === 0) {
        agenda.delete(chosen);
        expected.delete(chosen.name);
      } else {
        const due = 1 + next(1000);
        agenda.set(chosen, due);
        expected.set(chosen.name, due);
      }
    }
    await clock.advance(2000, settle);
    assert.deepEqual(new Set(rung), new Set([...expected].map(([name, due]) => `${due} ${name}`)));
    assert.equal(rung.length, expected.size);
    assert.deepEqual(rung.map((line) => Number.parseInt(line)), [...expected.values()].sort((a, b) => a - b));
  });

  test('takes what is set while it calls', async () => {
    const clock = new VirtualClock();
    const one = item('one');
    let rung = 0;
    const agenda: Agenda<Item> = new Agenda<Item>(clock, () => {
      rung += 1;
      if (rung < 3) agenda.set(one, 10);
    });
    agenda.set(one, 10);
    await clock.advance(100, settle);
    assert.equal(rung, 3);
  });

  test('forgets everything when it is cleared', async () => {
    const { clock, rung, agenda } = bench();
    agenda.set(item('a'), 10);
    agenda.clear();
    await clock.advance(100, settle);
    assert.deepEqual(rung, []);
  });
});
