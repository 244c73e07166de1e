import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WasmletError } from '../../../../core/api/errors.ts';
import type { ContainerExit } from '../../../../core/api/engine.ts';
import { containerExitOf, startErrorExit } from '../../../../core/engine/state/container-exit.ts';
import type { StopCode } from '../../../../core/engine/state/container-exit.ts';
import type { GuestEnd } from '../../../../core/engine/threads/guest-place.ts';

const table: Record<string, { end: GuestEnd; began?: boolean; stop?: StopCode; exit: ContainerExit }> = {
  'proc_exit 0 is Completed': { end: { kind: 'exited', exit: { kind: 'exit', code: 0 } }, exit: { code: 0, reason: 'Completed' } },
  'proc_exit 3 is Error': { end: { kind: 'exited', exit: { kind: 'exit', code: 3 } }, exit: { code: 3, reason: 'Error' } },
  'an exit code keeps its low byte': { end: { kind: 'exited', exit: { kind: 'exit', code: 0x1ff } }, exit: { code: 255, reason: 'Error' } },
  'an exit code of 256 is 0, as a process would show it': { end: { kind: 'exited', exit: { kind: 'exit', code: 256 } }, exit: { code: 0, reason: 'Completed' } },
  'a trap is 134 with its text': { end: { kind: 'exited', exit: { kind: 'trap', message: 'unreachable' } }, exit: { code: 134, reason: 'Error', message: 'unreachable' } },
  'the memory limit is OOMKilled': { end: { kind: 'exited', exit: { kind: 'out-of-memory', message: 'm' } }, exit: { code: 137, reason: 'OOMKilled', message: 'm' } },
  'a start error keeps its code': {
    end: { kind: 'exited', exit: { kind: 'start-error', code: 'ENTRY_POINT_MISSING', message: 'm' } }, began: false,
    exit: { code: 128, reason: 'StartError', message: 'm', errorCode: 'ENTRY_POINT_MISSING' },
  },
  'an own end counts although a stop was asked for': { end: { kind: 'exited', exit: { kind: 'exit', code: 0 } }, stop: 137, exit: { code: 0, reason: 'Completed' } },
  'a stop with grace is 143': { end: { kind: 'terminated' }, stop: 143, exit: { code: 143, reason: 'Error' } },
  'a kill is 137': { end: { kind: 'terminated' }, stop: 137, exit: { code: 137, reason: 'Error' } },
  'an adapter that throws before the guest began could not start it': { end: { kind: 'failed', message: 'm' }, began: false, exit: { code: 128, reason: 'StartError', message: 'm' } },
  'an adapter that throws later is an error of the runtime': { end: { kind: 'failed', message: 'm' }, exit: { code: 134, reason: 'Error', message: 'the runtime failed: m' } },
  'a lost thread is an error': { end: { kind: 'crashed', message: 'm', outOfMemory: false }, exit: { code: 134, reason: 'Error', message: 'the guest\'s thread was lost: m' } },
  'a thread without heap is OOMKilled': {
    end: { kind: 'crashed', message: 'm', outOfMemory: true }, exit: { code: 137, reason: 'OOMKilled', message: 'the host objects of the guest took all memory of its thread' },
  },
};

describe('a container\'s end', () => {
  for (const [sentence, { end, began = true, stop, exit }] of Object.entries(table)) {
    it(sentence, () => assert.deepEqual(containerExitOf(end, began, stop), exit));
  }

  it('of one that could not begin names cause and code', () => {
    assert.deepEqual(startErrorExit(new WasmletError('NODE_FULL', 'full')), { code: 128, reason: 'StartError', message: 'full', errorCode: 'NODE_FULL' });
    assert.deepEqual(startErrorExit(new Error('odd')), { code: 128, reason: 'StartError', message: 'odd' });
  });
});
