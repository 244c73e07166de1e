/** The modules of one component share its memory limit: memories, tables and what the host holds for it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PreparedComponent, componentText } from './component-bed.ts';

const mebibyte = 1024 * 1024;

/** A component of `count` modules with `fields` each, which `run` calls one after the other by their export `go`. */
function componentOf(count: number, fields: string): string {
  const names = Array.from({ length: count }, (_, index) => `m${index}`);
  return `(component
    ${names.map((name) => `(core module $${name} ${fields}) (core instance $${name} (instantiate $${name}))`).join('\n')}
    (core module $main
      ${names.map((name) => `(import "${name}" "go" (func $${name}))`).join('\n')}
      (func (export "run") (result i32) ${names.map((name) => `(call $${name})`).join(' ')} (i32.const 0)))
    (core instance $main (instantiate $main ${names.map((name) => `(with "${name}" (instance $${name}))`).join(' ')}))
    (alias core export $main "run" (core func $core-run))
    (func $run (result (result)) (canon lift (core func $core-run)))
    (instance $run (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $run)))`;
}

/** Grows by a page until it is refused, then traps: by the memory's own maximum, or by the limit. */
const growing = '(memory 1) (func (export "go") (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable))';

for (const yieldChecks of [false, true]) describe(yieldChecks ? 'with yield checks' : 'without yield checks', () => {
  async function run(text: string, memoryBytes: number): Promise<{ readonly kind: string; readonly bytes: number }> {
    await using component = await PreparedComponent.prepare(await componentText(text));
    const { exit, host } = await component.run({ memoryBytes, yieldChecks });
    return { kind: exit.kind, bytes: host.budget.bytes };
  }

  it('fifty modules that grow have the limit together', async () => {
    const { kind, bytes } = await run(componentOf(50, growing), 16 * mebibyte);
    assert.equal(kind, 'out-of-memory');
    assert.equal(bytes, 16 * mebibyte, 'to the last page');
  });

  it('what a module\'s own maximum refuses is no limit of the pod\'s', async () => {
    const { kind } = await run(componentOf(1, '(memory 1 2) (func (export "go") (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable))'), 16 * mebibyte);
    assert.equal(kind, 'trap');
  });

  it('growth within the limit succeeds in every module', async () => {
    const { kind, bytes } = await run(componentOf(10, '(memory 1) (func (export "go") (if (i32.eq (memory.grow (i32.const 9)) (i32.const -1)) (then (unreachable))))'), 16 * mebibyte);
    assert.equal(kind, 'exit');
    assert.equal(bytes, 100 * 65_536);
  });

  it('modules that begin large do not begin together beyond the limit', async () => {
    const { kind, bytes } = await run(componentOf(50, '(memory 64) (func (export "go"))'), 16 * mebibyte);
    assert.equal(kind, 'out-of-memory');
    assert.ok(bytes <= 16 * mebibyte, `${bytes}`);
  });

  it('tables count', async () => {
    const table = `(table 1 funcref) (func (export "go") ${'(if (i32.eq (table.grow (ref.null func) (i32.const 10000)) (i32.const -1)) (then (unreachable)))'.repeat(5)})`;
    const { kind, bytes } = await run(componentOf(20, table), 8 * mebibyte);
    assert.equal(kind, 'out-of-memory');
    assert.ok(bytes <= 8 * mebibyte && bytes > 7 * mebibyte, `${bytes}`);
  });

  it('64-bit memories and tables of other references are counted the same', async () => {
    const fields = `(memory $b i64 1) (table $t 1 externref)
      (func (export "go")
        (drop (memory.grow $b (i64.const 10))) (drop (table.grow $t (ref.null extern) (i32.const 1000))))`;
    const { kind, bytes } = await run(componentOf(2, fields), 16 * mebibyte);
    assert.equal(kind, 'exit');
    assert.equal(bytes, 2 * (11 * 65_536 + 1001 * 16));
  });

  it('a start section that grows is bounded', async () => {
    const { kind, bytes } = await run(componentOf(20, `(memory 1) (func $begin (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))) (start $begin) (func (export "go"))`), 8 * mebibyte);
    assert.equal(kind, 'out-of-memory');
    assert.ok(bytes <= 16 * mebibyte, `${bytes}`);
  });

  it('a module cannot speak for the engine', async () => {
    await using component = await PreparedComponent.prepare(await componentText(componentOf(1, '(memory 1) (table (export "wasmlet:ask") 1 funcref) (func (export "go"))')));
    await assert.rejects(component.run({ memoryBytes: 16 * mebibyte, yieldChecks }), /reserved/);
  });
});
