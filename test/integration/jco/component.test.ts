/** Components written by hand: what no libc does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WasmletError } from '../../../core/api/errors.ts';
import type { GuestExit } from '../../../core/api/runtime.ts';
import { commandText, exitImport } from './command-text.ts';
import type { TextImport } from './command-text.ts';
import { PreparedComponent, componentText } from './component-bed.ts';
import type { ComponentRun } from './component-bed.ts';

async function exitOfText(text: string, options: ComponentRun = {}): Promise<GuestExit> {
  await using component = await PreparedComponent.prepare(await componentText(text));
  return (await component.run(options)).exit;
}

const exit = exitImport('0.2.3');
const importExit = '(import "" "exit" (func $exit (param i32)))';
const importMemory = '(import "" "memory" (memory 1))';

for (const { name, imports = [], core, expected } of [
  { name: 'run answers ok', core: '(func (export "run") (result i32) (i32.const 0))', expected: { kind: 'exit', code: 0 } },
  { name: 'run answers err', core: '(func (export "run") (result i32) (i32.const 1))', expected: { kind: 'exit', code: 1 } },
  { name: 'exit-with-code', imports: [exit], core: `${importExit} (func (export "run") (result i32) (call $exit (i32.const 42)) (i32.const 0))`, expected: { kind: 'exit', code: 42 } },
  {
    name: 'exit in a start section',
    imports: [exit],
    core: `${importExit} (func $begin (call $exit (i32.const 7))) (start $begin) (func (export "run") (result i32) (i32.const 0))`,
    expected: { kind: 'exit', code: 7 },
  },
  {
    name: 'exit (result)',
    imports: [{ ...exit, functions: { exit: '$exit "exit"' } }],
    core: `${importExit} (func (export "run") (result i32) (call $exit (i32.const 1)) (i32.const 0))`,
    expected: { kind: 'exit', code: 1 },
  },
  {
    name: 'an exit that the guest catches still ends it',
    imports: [exit],
    core: `(import "" "exit" (func $exit (param i32)))
      (func (export "run") (result i32) (block $caught (try_table (catch_all $caught) (call $exit (i32.const 3)))) (i32.const 0))`,
    expected: { kind: 'exit', code: 3 },
  },
] as readonly { name: string; imports?: TextImport[]; core: string; expected: GuestExit }[]) {
  test(name, async () => assert.deepEqual(await exitOfText(commandText('0.2.3', imports, core)), expected));
}

test('a trap is a trap, with its text', async () => {
  const ended = await exitOfText(commandText('0.2.0', [], '(func $crash (unreachable)) (func (export "run") (result i32) (call $crash) (i32.const 0))'));
  assert.equal(ended.kind, 'trap');
  assert.match(ended.kind === 'trap' ? ended.message : '', /unreachable/);
});

test('an answer that the canonical ABI does not know is the guest\'s trap, not a fault of the adapter', async () => {
  assert.equal((await exitOfText(commandText('0.2.0', [], '(func (export "run") (result i32) (i32.const 9))'))).kind, 'trap');
});

for (const version of ['0.2.0', '0.2.8', '0.2.99']) {
  test(`interfaces match by semver: ${version}`, async () => {
    const text = commandText(version, [exitImport(version)], `${importExit} (func (export "run") (result i32) (call $exit (i32.const 5)) (i32.const 0))`);
    assert.deepEqual(await exitOfText(text), { kind: 'exit', code: 5 });
  });
}

test('an interface that is not provided is named', async () => {
  const unknown: TextImport = { instance: '(import "acme:tool/hammer@1.0.0" (instance $tool (export "strike" (func))))', functions: { strike: '$tool "strike"' } };
  const store: TextImport = { instance: '(import "wasi:keyvalue/store@0.2.0" (instance $http (export "handle" (func))))', functions: { handle: '$http "handle"' } };
  const ended = await exitOfText(commandText('0.2.0', [unknown, store], `
    (import "" "strike" (func)) (import "" "handle" (func)) (func (export "run") (result i32) (i32.const 0))`));
  assert.deepEqual(ended, {
    kind: 'start-error', code: 'IMPORT_UNKNOWN',
    message: 'the component imports acme:tool/hammer, wasi:keyvalue/store: not provided by the jco runtime',
  });
});

test('a function that an interface does not have is named', async () => {
  const later: TextImport = { instance: '(import "wasi:cli/exit@0.2.99" (instance $exit (export "exit-later" (func))))', functions: { later: '$exit "exit-later"' } };
  const ended = await exitOfText(commandText('0.2.99', [later], '(import "" "later" (func $l)) (func (export "run") (result i32) (call $l) (i32.const 0))'));
  assert.ok(ended.kind === 'start-error', JSON.stringify(ended));
  assert.equal(ended.code, 'IMPORT_UNKNOWN');
  assert.match(ended.message, /exitLater/);
});

test('a component without wasi:cli/run has no entry point', async () => {
  const text = commandText('0.2.0', [], '(func (export "run") (result i32) (i32.const 0))').replace('wasi:cli/run@0.2.0', 'acme:cli/run@0.2.0');
  assert.deepEqual(await exitOfText(text), { kind: 'start-error', code: 'ENTRY_POINT_MISSING', message: 'the component exports no wasi:cli/run@0.2 or 0.3' });
});

test('what cannot be transpiled is refused', async () => {
  const refused = (error: unknown): boolean => error instanceof WasmletError && error.code === 'TRANSPILE_FAILED';
  await assert.rejects(PreparedComponent.prepare(Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 0x55, 1, 1)), refused);
});

test('a socket can be made: what it may reach is asked when it is used', async () => {
  const sockets: TextImport[] = [
    { instance: '(import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))\n(alias export $tcp "tcp-socket" (type $socket))', functions: {} },
    {
      instance: `(import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create
        (alias outer 1 $socket (type $of-tcp))
        (export "tcp-socket" (type $s (eq $of-tcp)))
        (type $codes (enum "unknown" "access-denied")) (export "error-code" (type $code (eq $codes)))
        (type $families (enum "ipv4" "ipv6")) (export "ip-address-family" (type $family (eq $families)))
        (export "create-tcp-socket" (func (param "address-family" $family) (result (result (own $s) (error $code)))))))`,
      functions: { create: '$create "create-tcp-socket"' },
    },
    exit,
  ];
  const ended = await exitOfText(commandText('0.2.3', sockets, `
    (import "" "create" (func $create (param i32 i32))) ${importExit} ${importMemory}
    (func (export "run") (result i32)
      (call $create (i32.const 0) (i32.const 0))
      (call $exit (i32.add (i32.mul (i32.load8_u (i32.const 0)) (i32.const 10)) (i32.load8_u (i32.const 4)))) (i32.const 0))`));
  assert.deepEqual(ended, { kind: 'exit', code: 1 }, 'ok (0), handle 1');
});

const random: TextImport = {
  instance: `(import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))
    (export "get-random-u64" (func (result u64)))))
    (import "wasi:random/insecure-seed@0.2.0" (instance $seed (export "insecure-seed" (func (result (tuple u64 u64))))))`,
  functions: { bytes: '$random "get-random-bytes"', number: '$random "get-random-u64"', seed: '$seed "insecure-seed"' },
};

test('random: bytes, numbers and seeds differ', async () => {
  const ended = await exitOfText(commandText('0.2.3', [random, exit], `
    (import "" "bytes" (func $bytes (param i64 i32))) (import "" "number" (func $number (result i64))) (import "" "seed" (func $seed (param i32)))
    ${importExit} ${importMemory}
    (func (export "run") (result i32)
      (call $bytes (i64.const 16) (i32.const 0))
      (call $seed (i32.const 16))
      (if (i32.ne (i32.load (i32.const 4)) (i32.const 16)) (then (call $exit (i32.const 1))))
      (if (i64.eq (i64.load (i32.load (i32.const 0))) (call $number)) (then (call $exit (i32.const 2))))
      (if (i64.eq (i64.load (i32.const 16)) (i64.load (i32.const 24))) (then (call $exit (i32.const 3))))
      (i32.const 0))`));
  assert.deepEqual(ended, { kind: 'exit', code: 0 });
});

test('random: a length that would fill the host\'s memory is a trap', async () => {
  const ended = await exitOfText(commandText('0.2.3', [random], `
    (import "" "bytes" (func $bytes (param i64 i32)))
    (func (export "run") (result i32) (call $bytes (i64.const 0x7fffffffffffffff) (i32.const 0)) (i32.const 0))`));
  assert.deepEqual(ended.kind, 'trap');
});

test('the environment: working directory, no more than is given', async () => {
  const environment: TextImport = {
    instance: `(import "wasi:cli/environment@0.2.0" (instance $environment
      (export "get-environment" (func (result (list (tuple string string)))))
      (export "initial-cwd" (func (result (option string))))))`,
    functions: { all: '$environment "get-environment"', cwd: '$environment "initial-cwd"' },
  };
  const text = commandText('0.2.3', [environment, exit], `
    (import "" "all" (func $all (param i32))) (import "" "cwd" (func $cwd (param i32))) ${importExit} ${importMemory}
    (func (export "run") (result i32)
      (call $all (i32.const 0)) (call $cwd (i32.const 16))
      ;; variables * 10 + length of the working directory, 0 when there is none
      (call $exit (i32.add (i32.mul (i32.load (i32.const 4)) (i32.const 10)) (i32.mul (i32.load (i32.const 16)) (i32.load (i32.const 24))))) (i32.const 0))`);
  assert.deepEqual(await exitOfText(text, { env: [['A', '1'], ['B', '2']], cwd: '/work' }), { kind: 'exit', code: 25 });
  assert.deepEqual(await exitOfText(text, { cwd: '' }), { kind: 'exit', code: 0 });
});

const poll: TextImport = {
  instance: `(import "wasi:io/poll@0.2.0" (instance $poll
      (export "pollable" (type $pollable (sub resource)))
      (export "[method]pollable.ready" (func (param "self" (borrow $pollable)) (result bool)))
      (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
      (alias outer 1 $pollable (type $of-poll))
      (export "pollable" (type $p (eq $of-poll)))
      (export "now" (func (result u64)))
      (export "resolution" (func (result u64)))
      (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))`,
  functions: {
    poll: '$poll "poll"', ready: '$poll "[method]pollable.ready"', now: '$clock "now"', resolution: '$clock "resolution"', subscribe: '$clock "subscribe-duration"',
  },
};
const importPoll = `(import "" "poll" (func $poll (param i32 i32 i32))) (import "" "ready" (func $ready (param i32) (result i32)))
  (import "" "now" (func $now (result i64))) (import "" "resolution" (func $resolution (result i64))) (import "" "subscribe" (func $subscribe (param i64) (result i32)))`;

test('poll answers with the pollable that is ready first', async () => {
  const ended = await exitOfText(commandText('0.2.3', [poll, exit], `${importPoll} ${importExit} ${importMemory}
    (func (export "run") (result i32)
      (local $before i64) (local.set $before (call $now))
      (i32.store (i32.const 0) (call $subscribe (i64.const 3600000000000)))
      (i32.store (i32.const 4) (call $subscribe (i64.const 10000000)))
      (if (call $ready (i32.load (i32.const 0))) (then (call $exit (i32.const 1))))
      (call $poll (i32.const 0) (i32.const 2) (i32.const 16))
      (if (i32.ne (i32.load (i32.const 20)) (i32.const 1)) (then (call $exit (i32.const 2))))
      (if (i32.ne (i32.load (i32.load (i32.const 16))) (i32.const 1)) (then (call $exit (i32.const 3))))
      (if (i64.lt_u (i64.sub (call $now) (local.get $before)) (i64.const 10000000)) (then (call $exit (i32.const 4))))
      (if (i32.eqz (call $ready (i32.load (i32.const 4)))) (then (call $exit (i32.const 5))))
      (if (i64.eqz (call $resolution)) (then (call $exit (i32.const 6))))
      (i32.const 0))`));
  assert.deepEqual(ended, { kind: 'exit', code: 0 });
});

test('poll of nothing is a trap', async () => {
  const ended = await exitOfText(commandText('0.2.3', [poll], `${importPoll} (func (export "run") (result i32) (call $poll (i32.const 0) (i32.const 0) (i32.const 16)) (i32.const 0))`));
  assert.equal(ended.kind, 'trap');
});
