import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EngineBed } from '../../support/engine-bed.ts';

describe('a container from its creation to its end', () => {
  let bed: EngineBed;
  before(async () => {
    bed = await EngineBed.create();
  });
  after(() => bed.close());

  it('writes its output to a CRI log and ends with its code', async () => {
    const hello = await bed.module(`(module
      (import "plain" "write" (func $write (param i32 i32 i32) (result i32)))
      (import "plain" "exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "hello\\nworld")
      (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 11)))
        (drop (call $write (i32.const 2) (i32.const 0) (i32.const 6)))
        (call $exit (i32.const 7))))`);
    const observation = await bed.run(hello);
    assert.deepEqual(observation.exit, { code: 7, reason: 'Error' });
    assert.match(await bed.log(observation.id), /^\S+Z stdout F hello\n\S+Z stderr F hello\n\S+Z stdout P world\n$/);
  });
});
