/** Guests that do not end when they are told to, on every runtime and class. Each is deleted with a grace of 30 s. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { componentText } from '../integration/jco/component-bed.ts';
import { wat } from '../support/wat.ts';
import { guest, head } from './support/guests.ts';
import { HostileNode } from './support/hostile-node.ts';
import { nameOf, runtimeClasses } from './support/runtime-classes.ts';

interface Stubborn {
  readonly sentence: string;
  readonly module: Uint8Array;
  readonly memory?: string;
  readonly neverRuns?: boolean;
}

const yieldImport = '(import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))';
const started = (begin: string): Uint8Array => wat(`(module ${yieldImport} (memory (export "memory") 1) (func $begin ${begin}) (func (export "_start")) (start $begin))`);

const modules: readonly Stubborn[] = [
  { sentence: 'loops for ever', module: guest('(loop $again (br $again))') },
  { sentence: 'calls the host for ever', module: guest('(loop $again (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 32))) (br $again))') },
  { sentence: 'writes nothing for ever', module: guest('(loop $again (call $write (i32.const 2) (i32.const 512) (i32.const 0)) (br $again))') },
  { sentence: 'polls for ever without waiting', module: guest('(loop $again (call $sleep (i64.const 0)) (br $again))') },
  { sentence: 'sleeps for an hour', module: guest('(call $sleep (i64.const 3600000000000))') },
  { sentence: 'calls itself in the tail for ever', module: guest('(call $tail)', { functions: '(func $tail (return_call $tail))' }) },
  { sentence: 'calls itself in the tail through a table', module: guest('(call $tail)', { functions: '(type $t (func)) (table 1 funcref) (elem (i32.const 0) $tail) (func $tail (return_call_indirect (type $t) (i32.const 0)))' }) },
  {
    sentence: 'recurses exponentially',
    module: guest('(call $deep (i32.const 60))', { functions: '(func $deep (param $n i32) (if (local.get $n) (then (call $deep (i32.sub (local.get $n) (i32.const 1))) (call $deep (i32.sub (local.get $n) (i32.const 1))))))' }),
  },
  {
    sentence: 'recurses exponentially and catches all at every level',
    module: guest('(call $deep (i32.const 60))', {
      functions: `(func $deep (param $n i32)
        (if (local.get $n) (then
          (try (do (call $deep (i32.sub (local.get $n) (i32.const 1)))) (catch_all (call $deep (i32.sub (local.get $n) (i32.const 1)))))
          (try (do (call $exit (i32.const 3))) (catch_all (call $deep (i32.sub (local.get $n) (i32.const 1))))))))`,
    }),
  },
  { sentence: 'catches its own exit for ever', module: guest('(loop $again (try (do (call $exit (i32.const 3))) (catch_all)) (br $again))') },
  {
    sentence: 'catches whatever a host call throws for ever',
    module: guest('(loop $again (try (do (call $sleep (i64.const 1000000)) (call $write (i32.const 1) (i32.const -1) (i32.const -1))) (catch_all (br $again))) (br $again))'),
  },
  { sentence: 'loops in its start function', module: started('(drop (call $yield)) (loop $again (br $again))'), neverRuns: true },
  { sentence: 'loops in its start function and never calls the host', module: started('(loop $again (br $again))'), neverRuns: true },
  { sentence: 'calls the host in its start function for ever', module: started('(loop $again (drop (call $yield)) (br $again))'), neverRuns: true },
  { sentence: 'fills its whole memory for ever', module: guest('(loop $again (memory.fill (i32.const 1024) (local.get $n) (i32.const 268434432)) (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $again))', { memory: '4096' }), memory: '300Mi' },
  { sentence: 'copies its whole memory for ever', module: guest('(loop $again (memory.copy (i32.const 1024) (i32.const 134217728) (i32.const 134217728)) (br $again))', { memory: '4096' }), memory: '300Mi' },
  { sentence: 'asks for 200 MB of random bytes for ever', module: wat(`(module (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32))) ${head('4096')} (func (export "_start") (call $ready) (loop $again (drop (call $random (i32.const 1024) (i32.const 200000000))) (br $again))))`), memory: '300Mi' },
];

/** A component whose allocator never returns, called by the glue when the host gives it its arguments. */
const endlessAllocator = (loop: string): Promise<Uint8Array> => componentText(`(component
  (import "wasi:cli/environment@0.2.0" (instance $environment (export "get-arguments" (func (result (list string))))))
  (core module $memory (memory (export "memory") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) ${loop} (i32.const 1024)))
  (core instance $memory (instantiate $memory))
  (alias export $environment "get-arguments" (func $get))
  (core func $get (canon lower (func $get) (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $main (import "host" "get" (func $get (param i32))) (func (export "run") (result i32) (call $get (i32.const 0)) (i32.const 0)))
  (core instance $main (instantiate $main (with "host" (instance (export "get" (func $get))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))`);

describe('a guest that does not want to stop', () => {
  let node: HostileNode;
  before(async () => {
    node = await HostileNode.start();
  });
  after(() => node.close());

  for (const target of runtimeClasses) {
    for (const { sentence, module, memory, neverRuns = false } of modules) {
      it(`and ${sentence} is stopped (${nameOf(target)})`, async (t) => {
        const { stopMilliseconds, reason } = await node.unharmed(t, () => node.attack(target, { module, stopAfter: 200, neverRuns, ...(memory === undefined ? {} : { memory }) }));
        assert.equal(reason, 'Deleted');
        t.diagnostic(`gone after ${stopMilliseconds?.toFixed(0)} ms`);
        assert.ok(stopMilliseconds! < 20_000, `${stopMilliseconds} ms: the grace was waited for`);
      });
    }
    if (target.kind !== 'component') continue;
    for (const [sentence, loop] of [['loops for ever', '(loop $again (br $again))'], ['calls itself in the tail for ever', '(return_call 0 (local.get 0) (local.get 1) (local.get 2) (local.get 3))']] as const) {
      it(`and whose allocator ${sentence} is stopped (${nameOf(target)})`, async (t) => {
        const module = await endlessAllocator(loop);
        const { stopMilliseconds } = await node.unharmed(t, () => node.attack(target, { module, args: ['argument'], stopAfter: 200 }));
        assert.ok(stopMilliseconds! < 20_000, `${stopMilliseconds} ms: the grace was waited for`);
      });
    }
  }
});
