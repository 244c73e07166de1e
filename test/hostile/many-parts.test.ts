/** Guests of which each part is within its bounds, and that have thousands of them; none has a memory limit. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BinaryWriter } from '../../core/wasm/binary/binary-writer.ts';
import { eventually } from '../support/wasmlet-process.ts';
import { wat } from '../support/wat.ts';
import { guest, head } from './support/guests.ts';
import { HostileNode } from './support/hostile-node.ts';
import type { AttackOptions, Outcome } from './support/hostile-node.ts';
import { nameOf, runtimeClasses } from './support/runtime-classes.ts';
import type { RuntimeClass } from './support/runtime-classes.ts';

/** A module of GC types: `types` are its first ones; `_start` is `code`, with one local of each of `locals`. wabt's text has no GC. */
function collected(types: readonly (readonly number[])[], locals: readonly (readonly number[])[], code: readonly number[]): Uint8Array {
  const section = (id: number, content: Uint8Array): Uint8Array => new BinaryWriter().u8(id).sized(content).written;
  const body = new BinaryWriter().u32(locals.length);
  for (const type of locals) body.u32(1).raw(Uint8Array.from(type));
  body.raw(Uint8Array.from([...code, 0x0b]));
  const typeSection = new BinaryWriter().u32(types.length + 1);
  for (const type of types) typeSection.raw(Uint8Array.from(type));
  typeSection.u8(0x60, 0, 0);
  return new BinaryWriter().raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
    .raw(section(1, typeSection.written))
    .raw(section(3, new BinaryWriter().u32(1).u32(types.length).written))
    .raw(section(5, Uint8Array.of(1, 0, 1)))
    .raw(section(7, new BinaryWriter().u32(2).name('memory').u8(2, 0).name('_start').u8(0, 0).written))
    .raw(section(10, new BinaryWriter().u32(1).sized(body.written).written)).written;
}
const leb = (value: number): readonly number[] => [...new BinaryWriter().u32(value).written];
const signed = (value: number): readonly number[] => { // i32.const's
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7) {
    if (left < 64) return [...bytes, left];
    bytes.push((left & 0x7f) | 0x80);
  }
};
/** Arrays of so many i64, one after the other. */
const largeArrays = (elements: number): Uint8Array => collected([[0x5e, 0x7e, 1]], [[0x63, 0]], [0x03, 0x40, 0x41, ...signed(elements), 0xfb, 7, 0, 0x21, 0, 0x0c, 0, 0x0b]);
/** Structures of so many i64 fields in a chain that is kept. */
const chained = (fields: number): Uint8Array => collected(
  [[0x5f, ...leb(fields + 1), 0x63, 0, 1, ...Array.from({ length: fields }, () => [0x7e, 1]).flat()]],
  [[0x63, 0], [0x63, 0]],
  [0x03, 0x40, 0xfb, 1, 0, 0x22, 1, 0x20, 0, 0xfb, 5, 0, 0, 0x20, 1, 0x21, 0, 0x0c, 0, 0x0b]);
const keptArrays = collected([[0x5e, 0x63, 0, 1]], [[0x63, 0], [0x63, 0]],
  [0x03, 0x40, 0x41, 0xe8, 0x07, 0xfb, 7, 0, 0x22, 1, 0x41, 0, 0x20, 0, 0xfb, 14, 0, 0x20, 1, 0x21, 0, 0x0c, 0, 0x0b]);

const times = (count: number, text: (at: number) => string): string => Array.from({ length: count }, (_, at) => text(at)).join(' ');
const sleep = '(call $sleep (i64.const 2000000000))';

interface Attack {
  readonly sentence: string;
  readonly module: () => Uint8Array;
  readonly options?: Partial<AttackOptions>;
  readonly only?: (target: RuntimeClass) => boolean;
  readonly check?: (outcome: Outcome, target: RuntimeClass) => void;
}

const isModule = ({ kind }: RuntimeClass): boolean => kind === 'module';

const attacks: readonly Attack[] = [
  { sentence: 'tables, each as long as it gets', module: () => guest(`${times(200, (at) => `(drop (table.grow $t${at} (ref.null func) (i32.const 65536)))`)} ${sleep}`, { functions: times(200, (at) => `(table $t${at} 0 funcref)`) }) },
  { sentence: 'tables that are long from the start', module: () => guest(sleep, { functions: times(200, (at) => `(table $t${at} 65536 funcref)`) }) },
  { sentence: 'a table that grows without end', module: () => guest(`(loop $again (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 1000000)) (i32.const -1)))) ${sleep}`, { functions: '(table $t 0 funcref)' }) },
  { sentence: 'memories', module: () => wat(`(module ${head()} ${times(17_000, () => '(memory 0)')} (func (export "_start") (call $ready) ${sleep}))`), only: isModule },
  { sentence: 'arrays of 400 MB', module: () => largeArrays(50_000_000), only: isModule },
  { sentence: 'arrays of 1 GB', module: () => largeArrays(130_000_000), only: isModule },
  { sentence: 'arrays that it keeps', module: () => keptArrays, only: isModule },
  { sentence: 'structures of 1,900 fields that it keeps', module: () => chained(1900), only: isModule },
];

/** The encoder of components wants plainer modules. */
const takenByComponents: ReadonlySet<string> = new Set(['a table that grows without end']);

describe('a guest without a memory limit that has', () => {
  let node: HostileNode;
  before(async () => {
    node = await HostileNode.start();
  });
  after(() => node.close());

  for (const target of runtimeClasses) {
    for (const { sentence, module, options, only = () => true, check } of attacks) {
      if (!only(target) || (target.kind === 'component' && !takenByComponents.has(sentence))) continue;
      it(`${sentence} (${nameOf(target)})`, async (t) => {
        const neighbour = await node.create(target, { module: guest('(call $sleep (i64.const 3600000000000))') });
        const state = () => node.pod(neighbour)?.status?.containerStatuses?.[0];
        await eventually('the neighbour runs', () => state()?.state?.running);
        const outcome = await node.unharmed(t, () => node.attack(target, { module: module(), seconds: 40, ...options }));
        t.diagnostic(`${outcome.reason} ${outcome.message.slice(0, 200)}; peak ${(outcome.peakBytes / 2 ** 20).toFixed(0)} MiB`);
        assert.ok(state()?.state?.running && state()?.restartCount === 0, JSON.stringify(state()));
        check?.(outcome, target);
        node.fake.delete('pods', 'default', neighbour);
        await eventually('it is gone', () => node.pod(neighbour) === undefined);
      });
    }
  }
});
