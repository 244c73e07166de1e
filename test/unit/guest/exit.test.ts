import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ExitSignal, exitOf, startErrorOf } from '../../../core/guest/ending/exit.ts';
import type * as ExitModule from '../../../core/guest/ending/exit.ts';
import { wat } from '../../support/wat.ts';

/** What calling `_start` of the module throws. */
function thrownBy(text: string): unknown {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(wat(text)), {});
  try {
    (instance.exports._start as () => void)();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('how a guest ended', () => {
  it('is its exit code', () => {
    assert.deepEqual(exitOf(new ExitSignal(3), false), { kind: 'exit', code: 3 });
  });

  it('is recognised across copies of the module', async () => {
    const copy = (await import(`${new URL('../../../core/guest/ending/exit.ts', import.meta.url).href}?copy`)) as typeof ExitModule;
    assert.notEqual(copy.ExitSignal, ExitSignal);
    assert.deepEqual(exitOf(new copy.ExitSignal(3), false), { kind: 'exit', code: 3 });
  });

  it('names the trap and the function', () => {
    assert.deepEqual(exitOf(thrownBy('(module (func $crash unreachable) (func (export "_start") call $crash))'), false), { kind: 'trap', message: 'unreachable in function crash' });
    assert.deepEqual(exitOf(thrownBy('(module $mod (func $my.crash unreachable) (func (export "_start") call $my.crash))'), false), { kind: 'trap', message: 'unreachable in function my.crash' });
    assert.match(trapOf('(module (memory 1) (func $far (export "_start") (drop (i32.load (i32.const 99999999)))))'), /^memory access out of bounds in function far$/);
    assert.match(trapOf('(module (func $divide (export "_start") (drop (i32.div_s (i32.const 1) (i32.const 0)))))'), /^divide by zero in function divide$/);
  });

  it('is a trap when the call stack is used up', () => {
    assert.match(trapOf('(module (func $deep (export "_start") call $deep))'), /^call stack exhausted in function deep$/);
  });

  it('is a trap when the guest does not catch its own exception', () => {
    assert.equal(trapOf('(module (tag $t) (func (export "_start") throw $t))'), 'uncaught exception of the guest');
  });

  it('is out of memory after growth was refused, unless the guest coped', () => {
    const trap = thrownBy('(module (func $crash (export "_start") unreachable))');
    assert.deepEqual(exitOf(trap, true), { kind: 'out-of-memory', message: 'the guest reached its memory limit: unreachable in function crash' });
    assert.deepEqual(exitOf(new ExitSignal(1), true), { kind: 'out-of-memory', message: 'the guest reached its memory limit and exited with code 1' });
    assert.deepEqual(exitOf(new ExitSignal(0), true), { kind: 'exit', code: 0 });
  });

  it('is not decided for an error that is not the guest\'s', () => {
    const bug = new TypeError('x is not a function');
    assert.throws(() => exitOf(bug, true), bug);
  });

  function trapOf(text: string): string {
    const exit = exitOf(thrownBy(text), false);
    assert.equal(exit.kind, 'trap');
    return exit.message;
  }
});

describe('a start error', () => {
  function instantiating(imports: WebAssembly.Imports): unknown {
    const module = new WebAssembly.Module(wat('(module (import "host" "call" (func)))'));
    try {
      new WebAssembly.Instance(module, imports);
    } catch (error) {
      return error;
    }
    return assert.fail('nothing was thrown');
  }

  it('is an unknown import, by function or by module', () => {
    assert.equal(startErrorOf(instantiating({ host: {} }))?.code, 'IMPORT_UNKNOWN');
    assert.equal(startErrorOf(instantiating({}))?.code, 'IMPORT_UNKNOWN');
  });

  it('is not a trap of the start section', () => {
    assert.equal(startErrorOf(new WebAssembly.RuntimeError('unreachable')), undefined);
  });
});
