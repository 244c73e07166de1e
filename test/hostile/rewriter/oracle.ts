import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { reservedName, startExport } from '../../../core/api/rewriting.ts';
import { WasmletError } from '../../../core/api/errors.ts';
import { limitModule, rewriteModule } from '../../../core/wasm/rewrite-module.ts';
import type { ModuleLimits } from '../../../core/wasm/rewrite-module.ts';
import { checkedImports } from '../../support/checked-module.ts';

/** Both forms get them, so that neither takes the machine's memory; what limits do is tested elsewhere. */
const limits: ModuleLimits = { memoryBytes: 4 * 1024 * 1024, tableElements: 1000, markGrowth: true };
/** A module that meets more checks is taken to be endless: it ends when it is told to, and is not compared. */
const mostYields = 100_000;

export type Verdict =
  /** V8 does not take it, and the rewriter neither. */
  | 'invalid'
  /** Its limits are too small for it. */
  | 'over limits'
  /** It needs a thread of its own; the reason is a sentence. */
  | 'refused'
  /** It ended when it was told to. */
  | 'endless'
  /** It overflowed the stack, whose frames are larger with checks: not compared. */
  | 'too deep'
  /** Plain and rewritten behaved the same. */
  | 'same';

/** What running a module left behind. */
interface Trace {
  readonly events: string[];
  yields: number;
  tooDeep: boolean;
}

function describe(value: unknown): string {
  if (typeof value === 'function') return 'function';
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return `[${value.map(describe).join()}]`;
  return typeof value === 'object' && value !== null ? 'object' : String(value);
}

/** How a call ended. */
function outcomeOf(trace: Trace, call: () => unknown): string {
  try {
    return describe(call());
  } catch (error) {
    if (error instanceof RangeError) trace.tooDeep = true;
    if (error instanceof WebAssembly.RuntimeError || error instanceof TypeError) return error.message;
    return error instanceof Error ? error.constructor.name : 'exception';
  }
}

/** Values for what a module imports: functions note what they are called with and do nothing, the rest is as asked for. */
function importsOf(module: WebAssembly.Module, trace: Trace): WebAssembly.Imports {
  const imports: WebAssembly.Imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (from === reservedName) continue;
    imports[from] ??= {};
    if (kind === 'function') {
      imports[from][name] = (...operands: unknown[]) => {
        trace.events.push(`${from}.${name}(${operands.map(describe).join()})`);
        if (name === 'proc_exit' || trace.events.length > 10_000) throw new Error('enough');
        // EBADF where a program would else go through descriptors for ever.
        return name.startsWith('fd_prestat') ? 8 : 0;
      };
    } else if (kind === 'memory') imports[from][name] = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    else if (kind === 'table') imports[from][name] = new WebAssembly.Table({ element: 'anyfunc', initial: 10, maximum: 10 });
    else if (kind === 'global') imports[from][name] = 7;
  }
  return imports;
}

/** Instantiates and calls each export with small numbers; then looks at what all can see. */
function run(bytes: Uint8Array): Trace {
  const trace: Trace = { events: [], yields: 0, tooDeep: false };
  const module = new WebAssembly.Module(bytes);
  const onYield = (): number => (trace.yields++ < mostYields ? 0 : 1);
  let instance: WebAssembly.Instance | undefined;
  const started = outcomeOf(trace, () => {
    instance = new WebAssembly.Instance(module, { ...importsOf(module, trace), [reservedName]: checkedImports(module, 1, onYield) });
    (instance.exports[startExport] as Function | undefined)?.();
    return 0;
  });
  trace.events.push(`start: ${started}`);
  // A start that trapped leaves no instance of a plain module.
  if (instance === undefined || started !== '0') return trace;
  for (const [name, value] of Object.entries(instance.exports)) {
    if (typeof value !== 'function' || name === startExport) continue;
    for (const first of [0, 5]) {
      const operands = Array.from({ length: value.length }, (_, index) => first + index);
      // An i64 takes no number, an i32 no bigint.
      let outcome = outcomeOf(trace, () => value(...operands));
      if (outcome.includes('BigInt')) outcome = outcomeOf(trace, () => value(...operands.map(BigInt)));
      trace.events.push(`${name}: ${outcome}`);
      if (trace.tooDeep || trace.yields > mostYields) return trace;
    }
  }
  for (const [name, value] of Object.entries(instance.exports)) {
    if (value instanceof WebAssembly.Memory) trace.events.push(`${name}: ${value.buffer.byteLength} ${createHash('sha256').update(new Uint8Array(value.buffer)).digest('hex')}`);
    else if (value instanceof WebAssembly.Global) trace.events.push(`${name}: ${outcomeOf(trace, () => value.value)}`);
    else if (value instanceof WebAssembly.Table) trace.events.push(`${name}: ${value.length}`);
  }
  return trace;
}

/** Judges one module, valid or not. @throws AssertionError when the rewriter has done wrong */
export function judge(bytes: Uint8Array): Verdict {
  // V8 does not always notice that two functions use exception handling of different kinds, which it forbids.
  const valid = [1, 2, 3].every(() => WebAssembly.validate(bytes));
  let plain: Uint8Array;
  let rewritten: ReturnType<typeof rewriteModule>;
  try {
    rewritten = rewriteModule(bytes, { ...limits, yieldChecks: true });
    plain = limitModule(bytes, limits).bytes;
  } catch (error) {
    assert.ok(error instanceof WasmletError, String((error as Error).stack));
    if (error.code === 'MEMORY_OVER_LIMIT') return 'over limits';
    assert.equal(error.code, 'MODULE_MALFORMED');
    assert.ok(!valid || /reserved/.test(error.message) || !WebAssembly.validate(bytes), `a valid module: ${error.message}`);
    return 'invalid';
  }
  if (!valid) {
    assert.ok(Array.from({ length: 20 }).some(() => WebAssembly.validate(bytes)), 'what is invalid stays invalid');
    return 'invalid';
  }
  if (rewritten.kind === 'not-shareable') {
    assert.match(rewritten.reason, /^it [a-z]/);
    return 'refused';
  }
  assert.ok(WebAssembly.validate(rewritten.bytes), 'a valid module stays valid');
  const checked = run(rewritten.bytes);
  if (checked.tooDeep) return 'too deep';
  if (checked.yields > mostYields) return 'endless';
  const expected = run(plain);
  if (expected.tooDeep) return 'too deep';
  assert.deepEqual(checked.events, expected.events);
  return 'same';
}
